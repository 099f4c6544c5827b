"""Redis stopped or hung: 503 and Retry-After on every route, within 3 s, never a hang. Real gunicorn, real server."""

import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import httpx
import pytest
from redis import Redis

from jobs.settings import Settings, use_settings
from tests.web.site import TOKEN, Site
from web import create_app

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


def test_all_threads_behind_one_hung_connection_answer_within_three_seconds(site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.call("GET", "/api/v1/jobs"), range(80)))
        assert {answer.status_code for answer, _ in answers} == {200}
        with Redis(unix_socket_path=_socket_of(site)) as redis:
            assert redis.info("clients")["connected_clients"] == 2  # ours, and one of all the threads
        site.redis.send_signal(signal.SIGSTOP)
        for answer, took in pool.map(lambda _: site.call("GET", "/api/v1/jobs"), range(8)):
            assert_unavailable(answer, took)


def _socket_of(site: Site) -> str:
    arguments = [str(word) for word in cast("list[object]", site.redis.args)]
    return arguments[arguments.index("--unixsocket") + 1]


def test_every_route_and_page_answers_within_three_seconds_while_the_server_hangs(site: Site) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as person:
        token = re.findall(r'name="csrf_token" value="([^"]+)"', person.get("/login").text)[0]
        form = {"csrf_token": token, "password": "a password of the web tests"}
        assert person.post("/login", data=form).status_code == 303
        site.redis.send_signal(signal.SIGSTOP)
        for endpoint, method, path in every_route():
            client = person if endpoint.startswith("dashboard.") else site.client
            headers = {"Authorization": f"Bearer {TOKEN}"} if client is site.client else {}
            began = time.monotonic()
            answer = client.request(method, site.url + path, headers=headers)
            assert time.monotonic() - began < 3, (method, path)
            assert answer.status_code == 503 or answer.status_code < 500, (method, path, answer.text)
            assert "Retry-After" in answer.headers or answer.status_code != 503


def every_route() -> Iterator[tuple[str, str, str]]:
    app = create_app(Settings.model_validate({"NIGHTSHIFT_ENV": "test"}))
    use_settings(None)
    for rule in app.url_map.iter_rules():
        _, path = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False) or ("", "")
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            yield rule.endpoint, method, path


def test_a_hung_server_that_wakes_up_is_used_again(site: Site) -> None:
    site.redis.send_signal(signal.SIGSTOP)
    assert_unavailable(*site.call("GET", "/api/v1/jobs"))
    site.redis.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 5
    while site.call("GET", "/api/v1/jobs")[0].status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
