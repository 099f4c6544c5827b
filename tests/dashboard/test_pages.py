"""What the pages show."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from redis import Redis

from jobs import Secret, enqueue, enqueue_in, files, stats, task, with_options
from web.dashboard import sessions, trends
from web.dashboard.charts import spark

from .conftest import Visitor
from .hand import greet, slow, take
from .past import Past

PAYLOAD = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@task(name="hand.unlock")
def unlock(door: str, code: Secret) -> None:
    """Open a door."""


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here reads from a real server."""


def test_an_empty_dashboard_says_how_to_enqueue_the_first_job(admin: Visitor) -> None:
    page = admin.open("/").text
    assert "No jobs yet" in page
    assert "curl -X POST http://localhost/api/v1/jobs" in page
    assert "python -m worker" in page


def test_the_first_page_counts_and_lists(admin: Visitor, redis: Redis) -> None:
    for name in ("Ada", "Grace"):
        enqueue(greet, name)
    enqueue_in(3600, greet, "later")
    take(redis).fail()
    page = admin.open("/").text
    values = dict(re.findall(r'class="label">([^<]+)</span>.*?class="value">([^<]+)<', page))
    assert (values["Waiting"], values["Running"], values["Failed"]) == ("1", "0", "1")
    assert "1 scheduled for later" in page
    assert "Jobs wait in default, and no worker listens there." in page
    assert "name: Grace" in page


def test_a_running_job_shows_how_far_it_is(admin: Visitor, redis: Redis) -> None:
    enqueue(slow, 8)
    take(redis).context.progress(2, 8, "step 2")
    page = admin.open("/").text
    assert '<progress aria-label="Progress" max="8" value="2">' in page
    assert "step 2" in page
    assert "25 %" in page


def test_a_poll_is_answered_with_the_living_part_and_304_while_nothing_changes(admin: Visitor) -> None:
    first = admin.poll("/jobs")
    assert "<html" not in first.text
    again = admin.poll("/jobs", first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


def test_a_poll_sees_what_changed(admin: Visitor) -> None:
    etag = admin.poll("/jobs").headers["ETag"]
    enqueue(greet, "Ada")
    assert admin.poll("/jobs", etag).status_code == 200


def test_polls_come_faster_while_something_moves(admin: Visitor, redis: Redis) -> None:
    assert 'data-poll="10"' in admin.open("/jobs").text
    enqueue(greet, "Ada")
    assert 'data-poll="2"' in admin.open("/jobs").text
    take(redis).finish()
    assert 'data-poll="10"' in admin.open("/jobs").text


def test_fifty_tabs_cost_one_reading_a_second(admin: Visitor, redis: Redis) -> None:
    admin.poll("/")
    before = redis.info("stats")["total_commands_processed"]
    for _ in range(50):
        admin.poll("/")
    assert redis.info("stats")["total_commands_processed"] - before < 50


def test_secrets_are_hidden_by_the_name_of_the_argument(admin: Visitor) -> None:
    job = enqueue(greet, "Ada", api_key="sk-very-secret")
    for path in ("/", "/jobs", f"/jobs/{job.id}"):
        page = admin.open(path).text
        assert "sk-very-secret" not in page
        assert "Ada" in page


def test_a_job_shows_its_attempts_log_result_and_files(admin: Visitor, redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    first = take(redis)
    first.context.log("half way", rows=5)
    first.fail("no such host", retry_in=0)
    redis.zrem("rq:scheduled:default", job.id)
    redis.rpush("rq:queue:default", job.id)
    second = take(redis)
    second.context.artifact("greeting.txt", b"hello", "text/plain")
    second.finish(b'{"hello": "Ada"}')
    page = admin.open(f"/jobs/{job.id}").text
    assert "ValueError: no such host" in page
    assert "Attempt 1 retrying" in page
    assert "Attempt 2 finished" in page
    assert "half way" in page
    assert "rows=5" in page
    assert "&#34;hello&#34;: &#34;Ada&#34;" in page
    link = re.search(r'href="(/files/file_[0-9a-f]{32})">greeting\.txt', page)
    assert link
    answer = admin.open(link[1])
    assert answer.data == b"hello"
    assert answer.headers["Content-Disposition"] == "attachment; filename=greeting.txt"
    assert answer.content_type == "application/octet-stream"


def test_an_uploaded_page_is_never_shown_as_one_of_ours(admin: Visitor) -> None:
    stored = files.store("evil.html", PAYLOAD.encode(), "text/html")
    answer = admin.open(f"/files/{stored.id}")
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_users_send_is_text_on_every_page(admin: Visitor, redis: Redis) -> None:
    job = with_options(greet, tags=[PAYLOAD[:40]]).enqueue(PAYLOAD)
    hand = take(redis)
    hand.context.log(PAYLOAD, field=PAYLOAD)
    hand.context.progress(1, 2, PAYLOAD)
    running = [admin.open(path).text for path in ("/", "/jobs", f"/jobs/{job.id}")]
    hand.fail(PAYLOAD)
    ended = [admin.open(path).text for path in ("/jobs", f"/jobs/{job.id}", "/jobs?tag=%3Cscript%3E")]
    for page in running + ended:
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_large_argument_is_cut_on_the_page(admin: Visitor) -> None:
    job = enqueue(greet, "x" * 50_000)
    assert "characters more, which the API has" in admin.open(f"/jobs/{job.id}").text
    assert len(admin.open("/jobs").data) < 20_000


def test_filters_are_in_the_address(admin: Visitor, redis: Redis) -> None:
    enqueue(greet, "Ada")
    enqueue(slow, 3)
    take(redis, "low").fail()
    assert "name: Ada" not in admin.open("/jobs?status=failed").text
    assert "steps: 3" in admin.open("/jobs?status=failed&queue=low").text
    assert "steps: 3" not in admin.open("/jobs?task=hand.greet").text
    assert "No job fits" in admin.open("/jobs?tag=nothing").text


def test_a_long_list_is_paged(admin: Visitor) -> None:
    for number in range(60):
        enqueue(greet, f"person-{number:02}")
    first = admin.open("/jobs?task=hand.greet").text
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older
    second = admin.open(older[1].replace("&amp;", "&")).text
    people = re.findall(r"person-\d\d", first + second)
    assert len(set(people)) == len(people) == 60


@pytest.mark.parametrize("path", ["/jobs?status=nonsense", "/jobs?cursor=nonsense"])
def test_a_wrong_address_is_told_so(admin: Visitor, path: str) -> None:
    assert admin.open(path).status_code == 400


def test_a_job_that_is_gone_is_a_page_of_its_own(admin: Visitor) -> None:
    answer = admin.open("/jobs/nothing")
    assert answer.status_code == 404
    assert "It may have expired or been deleted." in answer.text
    assert answer.content_type.startswith("text/html")


def test_pages_are_not_kept_by_caches(admin: Visitor) -> None:
    assert admin.open("/").headers["Cache-Control"] == "no-store"


def test_the_theme_of_the_cookie_is_in_the_first_paint(admin: Visitor) -> None:
    admin.client.set_cookie("theme", "dark")
    assert 'data-theme="dark"' in admin.open("/").text
    admin.client.set_cookie("theme", '"><script>')
    assert 'data-theme="system"' in admin.open("/").text


def test_no_template_needs_an_exception_from_the_policy() -> None:
    folder = Path(sessions.__file__).parents[1] / "templates"
    for template in folder.rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|<style", text), template.name
        assert "|safe" not in text


def test_charts_tell_in_words_and_numbers_what_they_draw(admin: Visitor, redis: Redis) -> None:
    assert "No job has finished in the last hour." in admin.open("/").text
    past, now = Past(redis), datetime.now(UTC)
    past.add(now - timedelta(minutes=20), times=30, run=0.2)
    past.add(now - timedelta(minutes=10), "failed", times=2)
    stats.mark_deploy(redis, "release-7", now - timedelta(minutes=15))
    forget_readings(admin)
    page = unescape(admin.open("/").text)
    assert "30 jobs finished in the last hour, at most 30 in a step" in page
    assert "2 jobs failed and 0 attempts are tried again in the last hour" in page
    assert "release-7 deployed" in page
    assert '"marks": [{"at": ' in page
    assert "30 jobs finished in the last 7 days" in admin.open("/?range=7d").text
    assert admin.open("/?range=1y").status_code == 400


def forget_readings(visitor: Visitor) -> None:
    """Let the next page read anew."""
    for reading in visitor.client.application.extensions["nightshift.trends"].values():
        reading.forget()


def test_arrivals_are_counted_by_the_minute(redis: Redis) -> None:
    now = datetime.now(UTC).replace(second=30, microsecond=0)
    redis.zadd("ns:jobs", {f"earlier-{n}": (now - timedelta(minutes=n)).timestamp() * 1000 for n in (20, 30, 70)})
    assert sum(trends.read(trends.RANGES["1h"]).arrivals) == 2


def test_a_spark_is_a_path_and_nothing_is_none() -> None:
    assert spark([0, 0, 0]) == ""
    assert spark([0, 2, None]) == "M0 23L50 1L100 23"


def test_an_argument_that_its_task_marks_as_secret_is_hidden_whatever_its_name(admin: Visitor) -> None:
    job = enqueue(unlock, "front", code="open sesame")
    for address in ("/", "/jobs", f"/jobs/{job.id}", f"/jobs/new?from={job.id}"):
        assert "open sesame" not in admin.open(address).text
    assert "front" in admin.open(f"/jobs/{job.id}").text


def test_a_browser_at_an_unknown_address_gets_a_page_and_a_client_of_the_api_a_problem(visitor: Visitor) -> None:
    page = visitor.open("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Nothing has this address" in page.text
    for path, accept in (("/nowhere", "*/*"), ("/api/v1/nowhere", "text/html")):
        assert visitor.open(path, headers={"Accept": accept}).mimetype == "application/problem+json"
