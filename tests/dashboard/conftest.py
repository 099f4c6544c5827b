"""A visitor of the pages, as a browser without scripts would be, and a real browser."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright
from redis import Redis
from werkzeug.test import TestResponse

from jobs.settings import Settings
from web import create_app

from . import chromium
from .browsing import Watch, Web, watching

PASSWORD = "an admin password of tests"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Visitor:
    """Opens pages and sends their forms; `address` is where the requests come from."""

    client: FlaskClient
    address: str = "192.0.2.1"

    def open(self, path: str, **options: Any) -> TestResponse:
        """GET a page."""
        return self.client.get(path, environ_base={"REMOTE_ADDR": self.address}, **options)

    def send(self, path: str, form: Mapping[str, object], **options: Any) -> TestResponse:
        """POST a form as it is."""
        return self.client.post(path, data=form, environ_base={"REMOTE_ADDR": self.address}, **options)

    def token(self, path: str = "/login", **options: Any) -> str:
        """The CSRF token on a page."""
        found = _TOKEN.search(self.open(path, **options).text)
        assert found, f"{path} has no form with a token"
        return found[1]

    def log_in(self, password: str = PASSWORD, **options: Any) -> TestResponse:
        """Fill in the login form."""
        return self.send("/login", {"csrf_token": self.token(**options), "password": password}, **options)

    def poll(self, path: str, etag: str | None = None) -> TestResponse:
        """Ask for the living part of a page, as the script on it does."""
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{path}"}
        return self.open(path, headers=headers | ({"If-None-Match": etag} if etag else {}))


@pytest.fixture
def app(settings: Settings) -> Flask:
    """The web application of the test's settings."""
    return create_app(settings)


_addresses: Iterator[int] = iter(range(1, 250))


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody who is not logged in, from an address of their own, so that tests do not throttle each other."""
    return Visitor(app.test_client(), f"192.0.2.{next(_addresses)}")


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    """Somebody who is logged in."""
    assert visitor.log_in().status_code == 303
    return visitor


@pytest.fixture(scope="package")
def web(redis_url: str) -> Iterator[Web]:
    """A running web process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secrets = {"SECRET_KEY": "a secret key that only tests use", "API_TOKEN": "an api token that only tests use"}
    running = Web({"REDIS_URL": redis_url, "ADMIN_PASSWORD": PASSWORD, **secrets}, port)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's chromium; not for longer than a module, as its event loop is in the way of tests with their own."""
    if not Path(chromium.PATH).exists():
        pytest.skip(f"there is no browser at {chromium.PATH}; Debian and Ubuntu have it as the package chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.PATH, args=chromium.FLAGS)
        yield started
        started.close()


@pytest.fixture
def watch(browser: Browser, web: Web, redis: Redis, request: pytest.FixtureRequest) -> Iterator[Watch]:
    """A logged-in browser before an empty server."""
    redis.ping()
    with watching(browser, web.url, PASSWORD, getattr(request, "param", {})) as seen:
        yield seen
