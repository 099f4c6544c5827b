"""Deploys as a platform does them: a push starts the new processes beside the old ones, while work goes on.

DEPLOYS=2 pushes twice instead of five times; DEPLOYS_INSTALL=1 installs from requirements.txt at the first push, where
otherwise the environment that runs these tests stands in for it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from cli import server
from cli.processes import members
from jobs import enqueue, monitor, registry, task
from jobs.connection import connect, use_client
from jobs.schedules import history
from jobs.settings import Settings, use_settings

from .checkout import NOT_COPIED, ROOT
from .post_receive import Platform

PUSHES = int(os.environ.get("DEPLOYS", "5"))
HOOK = Path(__file__).with_name("post_receive.py")
TOKEN = "an api token that only tests use"
GRACE = 1.0  # seconds
NAP = 6.0  # longer than it takes from the start of a new worker to the end of the old one: each stop interrupts one

pytestmark = [
    pytest.mark.processes,
    pytest.mark.server,
    pytest.mark.timeout(60 + 40 * PUSHES),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"),
]

DEPLOYS = '''
"""Tasks of these tests, added as a user adds them. They write down every run."""

import time

from jobs import current_job, task
from jobs.connection import client

VERSION = 0


@task(queue="default")
def note(number: int) -> int:
    """Be quick."""
    client().rpush("ran", number)
    return VERSION


@task(queue="low")
def nap(seconds: float) -> int:
    """Be interrupted by a stop."""
    time.sleep(seconds)
    client().rpush("ran", current_job().id)
    return VERSION


@task(queue="high")
def tick() -> int:
    """Run every second."""
    client().rpush("ticked", current_job().tick)
    return VERSION
'''
SCHEDULE = '\nfrom . import deploys\n\nevery(deploys.tick, name="second", seconds=1, overlap="allow", catchup="all")\n'


class Pusher:
    """A checkout that is pushed, and the platform that it is pushed to."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.work, self.platform, self.version = folder / "work", Platform(folder / "platform"), 0
        self._make_platform(redis_url)
        shutil.copytree(ROOT, self.work, ignore=NOT_COPIED)
        (self.work / "tasks" / "deploys.py").write_text(DEPLOYS)
        with (self.work / "tasks" / "schedules.py").open("a") as schedules:
            schedules.write(SCHEDULE)
        self._git("init", "--quiet", "--initial-branch=main")

    def _make_platform(self, redis_url: str) -> None:
        folder = self.platform.folder
        for name in ("releases", "envs"):
            (folder / name).mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", "--bare", folder / "repository"], check=True, env=_environment())
        hook = folder / "repository" / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{HOOK}' '{folder}'\n")
        hook.chmod(0o755)
        secrets = {"SECRET_KEY": "a secret key that only tests use", "ADMIN_PASSWORD": "a password of tests only"}
        config = {"REDIS_URL": redis_url, "API_TOKEN": TOKEN, "HOST": "127.0.0.1", "SHUTDOWN_GRACE": str(GRACE)}
        config |= {"WEB_CONCURRENCY": "1", "HORSES": "5", "DATA_DIR": str(folder / "data"), **secrets}
        (folder / "config").write_text("".join(f"{name}={value}\n" for name, value in config.items()))

    def push(self) -> str:
        """Change the code, commit and push; gives what the platform said."""
        self.version += 1
        self._edit("VERSION = ", f"VERSION = {self.version}")
        return self.push_as_it_is()

    def push_as_it_is(self) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"Version {self.version}")
        return self._git("push", "--quiet", str(self.platform.folder / "repository"), "main")

    def _edit(self, start: str, line: str) -> None:
        file = self.work / "tasks" / "deploys.py"
        lines = file.read_text().splitlines()
        file.write_text("\n".join(line if old.startswith(start) else old for old in lines) + "\n")

    def _git(self, *arguments: str) -> str:
        author = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", *author, *arguments]
        done = subprocess.run(command, cwd=self.work, env=_environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr


def _environment() -> dict[str, str]:
    names = ("PATH", "LANG", "TMPDIR", "DEPLOYS_INSTALL", "PIP_INDEX_URL", "PIP_CERT")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}


class Load:
    """Jobs that are enqueued all the time: over HTTP with keys that make a repetition safe, and by the core."""

    def __init__(self, platform: Platform) -> None:
        self._platform, self._over = platform, threading.Event()
        self.accepted: dict[str, int | None] = {}  # job id -> what it writes down; a nap writes its id
        self.repeated = 0
        self.errors: list[BaseException] = []
        targets = (self._post, self._call, self._nap)
        self._threads = [threading.Thread(target=self._repeat, args=(target,)) for target in targets]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _repeat(self, target: Callable[[int], None]) -> None:
        number = 0
        try:
            while not self._over.wait(0.05):
                number += 1
                target(number)
        except BaseException as error:  # it belongs to the test, not to this thread
            self.errors.append(error)

    def _post(self, number: int) -> None:
        body = {"task": "deploys.note", "args": {"number": number}}
        deadline = time.monotonic() + 30
        while (accepted := self._request(body, f"push-{number}")) is None:
            assert time.monotonic() < deadline, "nobody accepts jobs"
            self.repeated += 1
            time.sleep(0.05)
        self.accepted[accepted["id"]] = number

    def _request(self, body: object, key: str) -> dict[str, Any] | None:
        port = (self._platform.folder / "route").read_text()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Idempotency-Key": key}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/jobs", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return cast("dict[str, Any]", json.load(response))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in {409, 503}:
                raise
        except OSError:
            pass  # a web process that stops may close a connection: that is what the key is for
        return None

    def _call(self, number: int) -> None:
        self.accepted[enqueue(registry.find("deploys.note").function, 1_000_000 + number).id] = 1_000_000 + number

    def _nap(self, number: int) -> None:
        self.accepted[enqueue(registry.find("deploys.nap").function, NAP).id] = None
        self._over.wait(2)


@pytest.fixture
def durable_url() -> Iterator[str]:
    """A server as `check --deploy` wants it."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        folder, address = Path(name), Path(name, "redis.sock")
        process = server.start(server.find_binary(), address=address, folder=folder, durable=True)
        try:
            server.wait_until_ready(process, address=address, folder=folder)
            yield server.url_of(address)
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def client(durable_url: str) -> Iterator[Redis]:
    """What the core of this process enqueues with."""
    secrets = {"secret_key": "a secret key that only tests use", "admin_password": "a password of tests only"}
    chosen = Settings(NIGHTSHIFT_ENV="test", redis_url=durable_url, api_token=TOKEN, **secrets)  # type: ignore[arg-type]
    use_settings(chosen)
    client = connect(chosen)
    use_client(client)
    yield client
    use_client(None)
    use_settings(None)
    client.close()


@pytest.fixture
def pusher(tmp_path: Path, durable_url: str, client: Redis) -> Iterator[Pusher]:
    pusher = Pusher(tmp_path, durable_url)
    yield pusher
    pusher.platform.stop(set(pusher.platform.running().values()))


@pytest.fixture(scope="module", autouse=True)
def _tasks_of_the_pushed_code() -> None:
    """The same names and arguments; the code that runs is the pushed one."""

    @task(name="deploys.note", queue="default")
    def note(number: int) -> int:
        """Be quick."""
        raise NotImplementedError

    @task(name="deploys.nap", queue="low")
    def nap(seconds: float) -> int:
        """Be interrupted by a stop."""
        raise NotImplementedError


def test_deploys_under_load_lose_nothing_and_double_nothing(pusher: Pusher, client: Redis) -> None:
    said = pusher.push()
    assert "Installing" in said
    gone: list[int] = []
    with Load(pusher.platform) as load:
        for _ in range(PUSHES):
            time.sleep(1.5)  # some work between two pushes
            old = set(pusher.platform.running().values())
            said = pusher.push()
            assert "nothing is installed" in said
            assert "Killing" not in said
            assert members(old) == set()
            gone += old
        time.sleep(1.0)
    assert load.errors == []
    _await_the_end(load)

    ran = Counter(cast("list[bytes]", client.lrange("ran", 0, -1)))
    wanted = {str(job if number is None else number).encode() for job, number in load.accepted.items()}
    assert ran.keys() == wanted
    assert {what: count for what, count in ran.items() if count > 1} == {}
    ticks = _require_every_tick_once(client)
    interrupted = _require_free_interruptions(load)
    assert len(gone) == 3 * PUSHES
    print(f"{PUSHES} pushes: {len(load.accepted)} jobs, {load.repeated} requests sent again, {ticks} ticks")
    print(f"{interrupted} interruptions; jobs by version: {_versions(load)}")


def _await_the_end(load: Load) -> None:
    deadline = time.monotonic() + 60
    while left := [job for job in monitor.find_jobs(list(load.accepted)) if job is None or job.status != "finished"]:
        assert None not in left, "an accepted job has no record"
        assert time.monotonic() < deadline, [(job.id, job.status, job.error) for job in left if job]
        time.sleep(0.1)


def _require_every_tick_once(client: Redis) -> int:
    decided = [entry for entry in reversed(history("second", 1000)) if entry.kind in {"tick", "missed"}]
    seconds = [round(entry.tick.timestamp()) for entry in decided if entry.tick and entry.outcome == "enqueued"]
    assert len(seconds) == len(decided) > PUSHES
    assert seconds == list(range(seconds[0], seconds[-1] + 1))
    deadline = time.monotonic() + 10
    while len(ticked := _ticked(client)) < len(seconds):
        assert time.monotonic() < deadline, set(seconds) - set(ticked)
        time.sleep(0.1)
    assert ticked[: len(seconds)] == seconds
    return len(seconds)


def _ticked(client: Redis) -> list[int]:
    """The ticks whose job has run, one for each run."""
    runs = cast("list[bytes]", client.lrange("ticked", 0, -1))
    return sorted(round(datetime.fromisoformat(run.decode()).timestamp()) for run in runs)


def _require_free_interruptions(load: Load) -> int:
    """Jobs were interrupted, and none of them has spent an attempt on that."""
    naps = [job for job, number in load.accepted.items() if number is None]
    outcomes = Counter(attempt.outcome for job in naps for attempt in monitor.attempts(job))
    assert outcomes["interrupted"] >= PUSHES
    assert outcomes.keys() == {"interrupted", "finished"}
    assert {job.attempt for job in monitor.find_jobs(naps) if job} == {1}
    return outcomes["interrupted"]


def _versions(load: Load) -> dict[int, int]:
    """How many jobs each release has done; more than one, or the load was none."""
    done = Counter(monitor.get_result(job) for job in load.accepted)
    assert len(done) > 1
    return dict(done)


def test_a_release_that_fails_leaves_the_old_one_running(pusher: Pusher) -> None:
    pusher.push()
    running = pusher.platform.running()
    with (pusher.work / "tasks" / "schedules.py").open("a") as schedules:
        schedules.write('\nevery(deploys.tick, name="wrong", seconds=-1)\n')
    said = pusher.push_as_it_is()
    assert "schedule wrong: " in said
    assert "The release failed: what runs goes on" in said
    assert pusher.platform.running() == running
    assert all(members({session}) for session in running.values())
