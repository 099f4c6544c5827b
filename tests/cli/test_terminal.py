"""What needs a terminal, a shell or a web process."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from redis import Redis

from jobs import monitor
from jobs.settings import Settings
from tests.cli.conftest import ROOT, asked, run, said
from tests.web.site import free_port, start_web, wait_until_live

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("redis")]


@dataclass
class Terminal:
    """A program in a terminal."""

    pid: int
    fd: int
    seen: str = ""

    def wait_for(self, text: str) -> None:
        """Return when it has printed this."""
        deadline = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.fd], [], [], 0.5)[0]:
                self.seen += os.read(self.fd, 65536).decode()

    def ended(self) -> int:
        """Its exit code, when it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def terminal(settings: Settings, *words: str) -> Iterator[Terminal]:
    """Run bin/jobs in a terminal of 110 columns and 40 lines."""
    environment = _environment(settings)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words], cwd=ROOT, env=environment, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    try:
        yield Terminal(process.pid, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _environment(settings: Settings) -> dict[str, str]:
    known = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": settings.redis_url.get_secret_value(), "TERM": "xterm-256color"}
    return {"PATH": os.environ["PATH"], **known}


def test_top_is_live_and_ends_with_q(settings: Settings) -> None:
    with terminal(settings, "top", "--interval", "0.2") as top:
        top.wait_for("No worker is alive")
        said("enqueue", "sample.add", "a=1", "b=2")
        top.wait_for("Queue default has jobs waiting")
        os.write(top.fd, b"q")
        assert top.ended() == 0
    assert "\x1b[?1049h" in top.seen


def test_top_goes_on_through_an_outage(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1")})
    with terminal(away, "top", "--interval", "0.2") as top:
        top.wait_for("Trying again")
        os.write(top.fd, b"q")
        assert top.ended() == 0


def test_a_person_is_asked_before_a_queue_is_emptied(settings: Settings) -> None:
    job_id = said("enqueue", "sample.add", "a=1", "b=2").strip()
    with terminal(settings, "queues", "empty", "default") as asking:
        asking.wait_for("Cancel every job that waits in default? [y/N]")
        os.write(asking.fd, b"n\n")
        assert asking.ended() == 1
    assert monitor.get_job(job_id).status == "queued"
    with terminal(settings, "queues", "empty", "default") as asking:
        asking.wait_for("[y/N]")
        os.write(asking.fd, b"y\n")
        asking.wait_for("1 job canceled.")
    assert monitor.get_job(job_id).status == "canceled"


def test_a_terminal_gets_colours(settings: Settings) -> None:
    with terminal(settings, "status") as status:
        status.wait_for("\x1b[1;31m")


def test_top_without_a_terminal_is_wrong_usage_and_speaks_json() -> None:
    assert "top needs a terminal" in run("top", code=2).stderr


def test_top_streams_json(settings: Settings) -> None:
    command = [sys.executable, "-m", "cli", "top", "--json", "--interval", "0.2"]
    process = subprocess.Popen(command, cwd=ROOT, env=_environment(settings), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout as lines:
        looks = [json.loads(next(lines)) for _ in range(2)]
        process.terminate()
    process.wait(10)
    assert looks[0]["at"] < looks[1]["at"]


def test_bash_completes_commands_tasks_arguments_and_names(settings: Settings) -> None:
    script = said("completion", "bash")
    for typed, offered in {
        "en": "enqueue",
        "enqueue images.th": "images.thumbnail",
        "enqueue images.thumbnail wid": "width=",
        "queues pause hi": "high",
        "jobs ls --status fi": "finished",
    }.items():
        assert _completed(settings, script, typed) == [offered]


def _completed(settings: Settings, script: str, typed: str) -> list[str]:
    words = " ".join(map(shlex.quote, ["bin/jobs", *typed.split()]))
    caller = f"python() {{ :; }}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()"
    # The script calls the command as it was typed; in this test it is this Python.
    script = script.replace("bash_complete $1", f"bash_complete {sys.executable} -m cli")
    program = f"{script}\n{caller}\n_binjobs_completion bin/jobs\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(
        ["bash", "-c", program], cwd=ROOT, env=_environment(settings), capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_without_a_server_completion_is_silent(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1")})
    assert _completed(away, said("completion", "bash"), "jobs show a") == []


def test_the_description_of_the_api_comes_from_the_web_process(settings: Settings, redis: Redis) -> None:
    port = free_port()
    web = start_web(port, settings.redis_url.get_secret_value())
    try:
        wait_until_live(f"http://127.0.0.1:{port}", web)
        document = asked("openapi", "--url", f"http://127.0.0.1:{port}/")
    finally:
        web.terminate()
        web.wait(30)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/jobs" in document["paths"]
    refused = run("openapi", "--url", f"http://127.0.0.1:{port}", code=1)
    assert "is the web process running?" in refused.stderr
