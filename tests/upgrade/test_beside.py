"""The release before and this one at work side by side: nothing is lost, nothing is buried, nothing is doubled.

Needs the earlier commit, which a shallow clone does not have; the recorded data of the other test needs nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from jobs import enqueue_in, keys, monitor, schedules, with_options
from jobs.settings import Settings
from tests.upgrade import mixed_tasks as mixed
from tests.worker.waiting import eventually

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.usefixtures("redis")]

ROOT = Path(__file__).parents[2]
EARLIER = "0d5d9bdec0ea40b38aafe2b1954c81cb063a864d"
EACH = 300
ENQUEUE = """
import sys
from jobs import enqueue
import mixed_tasks as mixed
for number in range(int(sys.argv[2])):
    enqueue(mixed.note, sys.argv[1], f"earlier {number}", fail=number % 3 == 0)
"""
DECLARE = """
from jobs import every
import mixed_tasks as mixed
every(mixed.note, seconds=1, name="ticking", args={"path": __file__ + ".ticks", "text": "tick"}, overlap="allow")
"""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A checkout of the earlier release."""
    known = ["git", "cat-file", "-e", f"{EARLIER}^{{commit}}"]
    if subprocess.run(known, cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("this clone does not have the commit of the earlier release")
    folder = tmp_path / "earlier"
    packed = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=packed, check=True)
    return folder


class Releases:
    """Processes of both releases, all gone at the end."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._address = settings.redis_url.get_secret_value()
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, root: Path, release: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a Python command of the release whose code is in `root`."""
        path = f"{root}{os.pathsep}{ROOT / 'tests' / 'upgrade'}{os.pathsep}{self._folder}"
        ours = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": self._address, "PYTHONPATH": path, "RELEASE": release}
        with (self._folder / "log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, *command], cwd=root, env=os.environ | ours, stdout=log, stderr=log
            )
        self._running.append(started)
        return started

    def worker(self, root: Path, release: str) -> subprocess.Popen[bytes]:
        """A worker; it takes jobs when this returns."""
        before = len(monitor.workers())
        started = self.start(root, release, "-m", "worker", "--tasks", "mixed_tasks")
        eventually(lambda: len(monitor.workers()) > before, 20)
        return started

    def close(self) -> None:
        """Stop what is left."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(30)


@pytest.fixture
def releases(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Releases]:
    made = Releases(settings, tmp_path)
    yield made
    made.close()


def test_both_run_each_others_jobs_through_a_rolling_deploy(
    earlier: Path, releases: Releases, redis: Redis, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    old = releases.worker(earlier, "v1")
    producer = releases.start(earlier, "v1", "-c", ENQUEUE, str(done), str(EACH))
    new = releases.worker(ROOT, "v2")
    notes = [
        with_options(mixed.note),
        with_options(mixed.note, priority="high"),
        with_options(mixed.note, priority="low"),
    ]
    for number in range(EACH):  # the earlier release knows no priorities: its workers leave them to the others
        notes[number % 3].enqueue(str(done), f"new {number}", fail=number % 2 == 0)
    delayed = enqueue_in(timedelta(seconds=1), mixed.note, str(done), "delayed")
    assert producer.wait(60) == 0
    for _ in range(3):  # kill one of each in the middle of it, and start another one
        old.kill()
        new.kill()
        old, new = releases.worker(earlier, "v1"), releases.worker(ROOT, "v2")
    eventually(lambda: redis.zcard(keys.registry("finished", "default")) == 2 * EACH + 1, 90)
    expected = {f"{who} {number}" for who in ("earlier", "new") for number in range(EACH)} | {"delayed"}
    assert set(done.read_text().splitlines()) == expected
    assert monitor.get_job(delayed.id).status == "finished"
    assert (redis.hlen(keys.QUARANTINE), redis.zcard(keys.registry("failed", "default"))) == (0, 0)


def test_clocks_of_both_decide_each_tick_once(earlier: Path, releases: Releases, tmp_path: Path) -> None:
    (tmp_path / "declared.py").write_text(DECLARE)
    program = "import declared, sys, runpy; sys.argv = ['clock.py']; runpy.run_path('clock.py', run_name='__main__')"
    releases.worker(ROOT, "v2")
    old = releases.start(earlier, "v1", "-c", program)
    _wait_for_ticks(3)
    new = releases.start(ROOT, "v2", "-c", program)
    eventually(lambda: len(schedules.clock_status().clocks) == 2, 20)
    for killed, root, release in ((old, earlier, "v1"), (new, ROOT, "v2")):
        killed.kill()
        killed.wait()
        releases.start(root, release, "-c", program)
        _wait_for_ticks(3)
    seconds = [round(tick.timestamp()) for tick in _ticks()]
    assert Counter(seconds).most_common(1)[0][1] == 1
    assert sorted(seconds) == list(range(min(seconds), max(seconds) + 1))
    assert time.time() - max(seconds) < 5


def _wait_for_ticks(more: int) -> None:
    before = len(_ticks())
    eventually(lambda: len(_ticks()) >= before + more, 20)


def _ticks() -> list[datetime]:
    return [entry.tick for entry in schedules.history("ticking", 300) if entry.kind == "tick" and entry.tick]
