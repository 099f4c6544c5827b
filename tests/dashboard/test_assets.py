"""Static files: cached for ever under their hash, small on the wire."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from redis import Redis

from jobs import enqueue
from web.dashboard.assets import address

from .conftest import Visitor
from .hand import greet
from .past import Past


def test_an_asset_is_cached_for_ever_under_the_hash_of_its_content(app: Flask, visitor: Visitor) -> None:
    with app.test_request_context():
        path = address("app.css")
    answer = visitor.open(path)
    assert re.fullmatch(r"/static/[0-9a-f]{12}/app\.css", path)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "text/css; charset=utf-8"


def test_an_address_of_an_older_deploy_still_works_but_is_not_kept(visitor: Visitor) -> None:
    answer = visitor.open("/static/000000000000/app.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=60")


def test_text_is_compressed_for_those_who_can_read_it(visitor: Visitor) -> None:
    plain = visitor.open("/static/0/vendor/htmx.min.js")
    packed = visitor.open("/static/0/vendor/htmx.min.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2


def test_a_style_sheet_names_its_font_by_hash(visitor: Visitor) -> None:
    sheet = visitor.open("/static/0/app.css").text
    found = re.search(r'url\("\.\./([0-9a-f]{12}/vendor/inter\.woff2)"\)', sheet)
    assert found
    assert "immutable" in visitor.open(f"/static/{found[1]}").headers["Cache-Control"]


@pytest.mark.parametrize(
    "name", ["../__init__.py", "..%2f__init__.py", "vendor/manifest.json", "nothing.css", "vendor"]
)
def test_only_the_static_folder_is_served(visitor: Visitor, name: str) -> None:
    assert visitor.open(f"/static/0/{name}").status_code == 404


@pytest.mark.server
def test_the_first_page_transfers_less_than_100_kb(admin: Visitor, redis: Redis) -> None:
    past, now = Past(redis), datetime.now(UTC)
    for minute in range(60):
        past.add(now - timedelta(minutes=minute), times=minute + 1, run=minute)
    enqueue(greet, "Ada")
    accept = {"Accept-Encoding": "gzip"}
    page = admin.open("/", headers=accept)
    text = gzip.decompress(page.data).decode()
    wanted = set(re.findall(r'"(/static/[^"]+)"', text))
    assert len(wanted) == 8
    assert len(page.data) + sum(len(admin.open(path, headers=accept).data) for path in wanted) < 100_000
