"""Rate limits, exact for many callers at once."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from redis import Redis

from jobs import limits
from web.throttle import Purse


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
    assert (answers[5].get_json()["limit"], answers[5].get_json()["setting"]) == (5, "RATE_LIMIT")


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


def test_a_process_takes_a_handful_and_nobody_gets_more_than_the_limit(redis: Redis) -> None:
    redis.config_resetstat()
    purses = [Purse() for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        taken = list(pool.map(lambda n: purses[n % 3].take("one", 1200, time.monotonic()).allowed, range(1500)))
    given_back = 60  # what comes back in the three seconds that this may take
    assert 1200 - 3 * 2 <= sum(taken) <= 1200 + given_back
    calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls < 1500


def test_what_is_left_is_told_call_by_call(redis: Redis) -> None:
    purse = Purse()
    assert redis.ping()
    assert [purse.take("one", 6000, 0.0).left for _ in range(12)] == list(range(5999, 5987, -1))
