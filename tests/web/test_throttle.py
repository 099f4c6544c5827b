"""Rate limits, exact for many callers at once."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from redis import Redis

from jobs import limits


@pytest.fixture
def rate_limit() -> int:
    return 5


@pytest.mark.usefixtures("redis")
def test_the_call_above_the_limit_is_429_and_says_when_to_come_back(api: FlaskClient) -> None:
    answers = [api.get("/api/v1/tasks") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers[:5]] == [
        f'"token";r={n}' for n in (4, 3, 2, 1, 0)
    ]
    assert answers[5].headers["RateLimit-Policy"] == '"token";q=5;w=60'
    assert 1 <= int(answers[5].headers["Retry-After"]) <= 12
    assert answers[5].get_json()["limit"] == 5


@pytest.mark.usefixtures("redis")
def test_two_hundred_takers_at_once_get_exactly_what_there_is() -> None:
    with ThreadPoolExecutor(16) as pool:
        taken = Counter(pool.map(lambda _: limits.take("one", 50, 3600).allowed, range(200)))
    assert taken[True] == 50


def test_what_was_taken_comes_back(redis: Redis) -> None:
    assert [limits.take("one", 2, 1).allowed for _ in range(3)] == [True, True, False]
    wait = limits.take("one", 2, 1).retry_after
    assert 0 < wait <= 0.5
    time.sleep(wait)
    assert limits.take("one", 2, 1).allowed
    assert 0 < redis.pttl("ns:limit:one") <= 1000


@pytest.mark.usefixtures("redis")
def test_callers_do_not_share_an_allowance() -> None:
    assert [limits.take(who, 1).allowed for who in ("one", "two", "one")] == [True, True, False]


def test_an_address_that_is_often_wrong_is_told_to_wait(anyone: FlaskClient) -> None:
    statuses = Counter(anyone.get("/api/v1/tasks").status_code for _ in range(120))
    assert statuses[401] >= 99
    assert statuses[429] >= 1
