"""Web, worker and clock under one parent, as a small dyno runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cli.allinone import COMMANDS, ROOT
from cli.processes import members
from cli.ready import unready
from tests.processes.checkout import free_port

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="looks for processes in /proc"),
]

SECRETS = dict.fromkeys(("SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"), "long enough for a test")


class AllInOne:
    """The real command; `started` gives the newest process of each name."""

    def __init__(self, log: Path, **variables: str) -> None:
        self.environment = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(free_port()), **variables}
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", "all-in-one"],
                cwd=ROOT,
                stdout=output,
                stderr=output,
                env=self.environment,
            )

    def events(self) -> list[dict[str, object]]:
        lines = self.log.read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["process"] == "all-in-one"]

    def started(self) -> dict[str, int]:
        return {str(event["name"]): int(str(event["pid"])) for event in self.events() if event["event"] == "Started"}

    def wait_until(self, true: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        self.wait_until(lambda: not unready(self.environment))

    def sessions(self) -> set[int]:
        return {int(str(event["pid"])) for event in self.events() if event["event"] == "Started"}


@pytest.fixture
def everything(redis_url: str, tmp_path: Path) -> Iterator[AllInOne]:
    running = AllInOne(tmp_path / "log", REDIS_URL=redis_url, DATA_DIR=str(tmp_path), **SECRETS)
    running.wait_until_ready()
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(30)


@pytest.mark.server
def test_what_is_killed_starts_again_and_the_others_go_on(everything: AllInOne) -> None:
    before = everything.started()
    assert list(before) == list(COMMANDS)
    for name in ("web", "clock"):
        os.kill(before[name], signal.SIGKILL)
        everything.wait_until(lambda name=name: everything.started()[name] != before[name])  # type: ignore[misc]
    everything.wait_until_ready()
    after = everything.started()
    assert after["worker"] == before["worker"]
    assert [event["code"] for event in everything.events() if event["event"] == "Ended"] == [-9, -9]


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_of_it_in_time(everything: AllInOne, number: signal.Signals) -> None:
    sessions, since = everything.sessions(), time.monotonic()
    everything.process.send_signal(number)
    assert everything.process.wait(30) == 0
    assert time.monotonic() - since < 25
    assert members(sessions) == set()
    assert not any(event["event"] == "Ended" for event in everything.events())


@pytest.mark.server
def test_a_platform_may_signal_every_process_at_once(everything: AllInOne) -> None:
    sessions = everything.sessions()
    for pid in (*members(sessions), everything.process.pid):
        with suppress(ProcessLookupError):  # its parent, which was signalled before it, may have ended it
            os.kill(pid, signal.SIGTERM)
    assert everything.process.wait(30) == 0
    assert everything.sessions() == sessions
    assert members(sessions) == set()


@pytest.mark.server
def test_nothing_outlives_a_parent_that_is_killed(everything: AllInOne) -> None:
    sessions = everything.sessions()
    everything.process.kill()
    everything.process.wait(10)
    deadline = time.monotonic() + 25
    while members(sessions):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.server
def test_it_fits_into_a_small_dyno(everything: AllInOne) -> None:
    pids = members(everything.sessions()) | {everything.process.pid}
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() for pid in pids]
    kilobytes = sum(int(line.split()[1]) for lines in rollups for line in lines if line.startswith("Pss:"))
    assert len(pids) == 7  # parent, gunicorn and its worker, worker and its two horses, clock
    assert kilobytes < 300 * 1024


def test_what_cannot_start_stops_all_of_it(tmp_path: Path) -> None:
    program = (
        "import sys; from cli.allinone import Child, Parent; "
        "sys.exit(Parent([Child('web', ['sleep', '60']), Child('worker', ['false'])], 25).run())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30)
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert events == ["Started", "Started", "Ended", *["Started", "Ended"] * 3]


def test_what_does_not_obey_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    program = (
        "import sys; from cli.allinone import Child, Parent; "
        f"sys.exit(Parent([Child('web', [sys.executable, '-c', {stubborn!r}])], 0.3).run())"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        next(line for line in parent.stdout if line == "ready\n")
        parent.send_signal(signal.SIGTERM)
        rest = parent.stdout.read()
        assert parent.wait(10) == 0
    assert "Killing what did not stop in time" in rest


def test_wrong_settings_are_said_once(tmp_path: Path) -> None:
    running = AllInOne(tmp_path / "log", HORSES="none")
    assert running.process.wait(30) == 1
    said = running.log.read_text()
    assert [said.count(f"  - {name}: ") for name in ("REDIS_URL", "HORSES", *SECRETS)] == [1] * 5


def test_the_commands_are_those_of_the_procfile() -> None:
    procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    ours = {name: " ".join(arguments) for name, arguments in COMMANDS.items()}
    assert ours == {name: procfile[name].replace("gunicorn", "-m gunicorn").replace("python ", "") for name in ours}
