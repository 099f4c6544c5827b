"""What the pages say while Redis is away."""

from __future__ import annotations

from .conftest import Visitor


def test_an_outage_is_a_page_that_says_so(admin: Visitor) -> None:
    answer = admin.open("/")
    assert answer.status_code == 503
    assert "Redis does not answer" in answer.text
    assert int(answer.headers["Retry-After"]) > 0


def test_a_poll_during_an_outage_carries_only_its_status(admin: Visitor) -> None:
    answer = admin.poll("/")
    assert (answer.status_code, answer.data) == (503, b"")
