"""Redis stopped or hung: 503 and Retry-After on every route, within 3 s, never a hang. Real gunicorn, real server."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.web.site import Site

pytestmark = pytest.mark.processes

ROUTES = [
    ("GET", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/x"),
    ("GET", "/api/v1/jobs/x/result"),
    ("GET", "/api/v1/jobs/x/log"),
    ("GET", "/api/v1/jobs/x/artifacts/y"),
    ("GET", f"/api/v1/files/file_{'0' * 32}"),
    ("GET", f"/api/v1/files/file_{'0' * 32}/content"),
    ("POST", "/api/v1/jobs"),
    ("POST", "/api/v1/files"),
]


def assert_unavailable(answer: httpx.Response, took: float) -> None:
    assert took < 3
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("stop", [signal.SIGSTOP, signal.SIGKILL])
def test_an_outage_is_503_within_three_seconds_on_every_route(site: Site, stop: signal.Signals) -> None:
    assert site.call("GET", "/api/v1/jobs")[0].status_code == 200
    site.redis.send_signal(stop)
    for method, path in ROUTES:
        assert_unavailable(*site.call(method, path))
    with ThreadPoolExecutor(30) as pool:
        for answer, took in pool.map(lambda _: site.call("GET", "/api/v1/jobs"), range(60)):
            assert_unavailable(answer, took)
    stored = {"Authorization": f"Bearer ns_{'0' * 12}_{'A' * 43}"}
    with ThreadPoolExecutor(30) as pool:
        for answer in pool.map(lambda _: site.client.get(f"{site.url}/api/v1/tasks", headers=stored), range(60)):
            assert_unavailable(answer, answer.elapsed.total_seconds())
    ready, took = site.call("GET", "/readyz")
    assert_unavailable(ready, took)
    assert site.call("GET", "/livez")[0].status_code == 200


def test_a_hung_server_that_wakes_up_is_used_again(site: Site) -> None:
    site.redis.send_signal(signal.SIGSTOP)
    assert_unavailable(*site.call("GET", "/api/v1/jobs"))
    site.redis.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 5
    while site.call("GET", "/api/v1/jobs")[0].status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
