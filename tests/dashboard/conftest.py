"""A visitor of the pages, as a browser without scripts would be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs.settings import Settings
from web import create_app

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
