"""The whole way: a file in Redis, a job in a queue, a real worker, an artifact; and a deploy in the middle."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdf
import pytest
from PIL import Image
from redis import Redis

from jobs import enqueue, files, monitor
from jobs.settings import Settings
from tasks import images, imports, mail, reports, webhooks
from tests.tasks.conftest import FLIGHTS, PHOTO, Answer, Sites
from tests.tasks.test_imports import EXPECTED, LAST, api, asked_pages, number_of
from tests.worker.waiting import ended, eventually

pytestmark = [pytest.mark.server, pytest.mark.processes, pytest.mark.usefixtures("redis")]

ROOT = Path(__file__).parents[2]
StartWorker = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[StartWorker]:
    """Start `python -m worker`; it is gone at the end of the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**environment: str) -> subprocess.Popen[bytes]:
        known = {
            "NIGHTSHIFT_ENV": "test",
            "REDIS_URL": settings.redis_url.get_secret_value(),
            "DATA_DIR": str(settings.data_dir),
            "OUTBOUND_ALLOW": "127.0.0.0/8",
            "WEBHOOK_SECRET": "whsec_" + "c2VjcmV0" * 4,
        }
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            command = [sys.executable, "-m", "worker"]
            process = subprocess.Popen(command, cwd=ROOT, env=os.environ | known | environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)


def test_the_samples_become_a_thumbnail_a_report_a_mail_and_a_webhook(
    start_worker: StartWorker, settings: Settings, site: Sites
) -> None:
    photo = files.store("rocket.jpg", PHOTO.read_bytes(), "image/jpeg")
    flights = files.store("flights.csv", FLIGHTS.read_bytes(), "text/csv")
    receiver = site(lambda asked: Answer(204))
    jobs = [
        enqueue(images.thumbnail, photo, width=200),
        enqueue(reports.summary, flights, "airline", ["distance"]),
        enqueue(mail.send, "ann@example.com", "Hello", text="Good morning", attachments=[photo]),
        enqueue(webhooks.deliver, receiver.url, "ping", {"n": 1}),
    ]
    start_worker()
    done = [ended(job) for job in jobs]
    assert [job.status for job in done] == ["finished"] * 4, [job.error for job in done]
    small = monitor.artifacts(jobs[0].id)["thumbnail.jpg"]
    assert Image.open(io.BytesIO(small.read())).size == (200, 133)
    report = monitor.artifacts(jobs[1].id)["summary.pdf"]
    assert "27,188,805" in pypdf.PdfReader(io.BytesIO(report.read())).pages[0].extract_text()
    assert done[1].progress is not None
    assert done[1].progress.done == done[1].progress.total == FLIGHTS.stat().st_size
    assert [path.name for path in (settings.data_dir / "outbox").iterdir()] == [f"{jobs[2].id}.eml"]
    assert receiver.asked[0].headers["webhook-id"] == jobs[3].id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_import_survives_the_end_of_its_worker(
    number: signal.Signals, start_worker: StartWorker, site: Sites
) -> None:
    """SIGTERM is a deploy: the place is saved at once. After SIGKILL the last saved place counts."""
    server = site(api)
    job = enqueue(imports.pages, f"{server.url}/items", items="/data/items", last_page=LAST, rate=8, concurrency=2)
    first = start_worker(SHUTDOWN_GRACE="0", HORSES="1")
    eventually(lambda: any(number_of(asked) > LAST // 2 for asked in server.asked))
    first.send_signal(number)
    first.wait(30)
    start_worker()
    assert ended(job, 40).status == "finished"
    lines = monitor.artifacts(job.id)["pages.ndjson"].read().splitlines()
    assert [json.loads(line) for line in lines] == EXPECTED
    assert asked_pages(server).count(1) == 1, "it went on where it had stopped"
