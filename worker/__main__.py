"""`python -m worker`: one supervisor and its horses."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence

from jobs import logs, tracing
from jobs.connection import Client, connect, translate_errors
from jobs.errors import NightshiftError, RedisUnavailable
from jobs.scripts import script
from jobs.server import require_fit
from jobs.settings import Settings, current_settings, serve_nobody

from .supervisor import Plan, Supervisor

MOST_QUEUES = 64  # the board has one bit for each
MOST_HORSES = 64
HORSES_SCRIPTS = ("claim", "finish", "fail", "retry", "release")
CALL_BUDGET = 1.0  # seconds: while a call to Redis hangs, the supervisor does not look at the time of its jobs

log = logs.get_logger("worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a worker; the exit code is 0 after a stop that was asked for, 1 when it cannot start."""
    given = _parser().parse_args(arguments)
    serve_nobody()
    try:
        settings = current_settings()
        logs.configure_logging(settings, "worker")
        _load(given.tasks, settings)
        client = _connect_patiently(settings)
    except NightshiftError as error:
        print(error, file=sys.stderr)
        return 1
    plan = Plan(given.queues or settings.queues, given.horses or settings.horses, given.burst)
    Supervisor(plan, settings, client).run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker", description="Run jobs.")
    parser.add_argument("--queues", type=_names, help="best first, separated by commas (QUEUES)")
    parser.add_argument("--horses", type=_horses, help="processes that run jobs (HORSES)")
    parser.add_argument("--burst", action="store_true", help="end when the queues are empty")
    parser.add_argument("--tasks", default="tasks", help="the package that defines the tasks (%(default)s)")
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not 1 <= len(names) <= MOST_QUEUES:
        raise argparse.ArgumentTypeError(f"name 1 to {MOST_QUEUES} queues")
    return names


def _horses(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_HORSES:
        raise argparse.ArgumentTypeError(f"must be 1 to {MOST_HORSES}, not {text!r}")
    return int(text)


def _load(tasks: str, settings: Settings) -> None:
    """Before the fork, so that the horses share it, and none reads files when its first job comes."""
    importlib.import_module(tasks)
    tracing.load(settings)
    for name in HORSES_SCRIPTS:
        script(name)


def _connect_patiently(settings: Settings) -> Client:
    """One connection to a server that is fit for jobs; a platform may start it after us."""
    while True:
        try:
            return _connect(settings)
        except RedisUnavailable as error:
            log.warning("Waiting for Redis", error=str(error))
            time.sleep(1)


def _connect(settings: Settings) -> Client:
    with translate_errors():
        client: Client = connect(settings, CALL_BUDGET, pushes=True).client()  # type: ignore[no-untyped-call]
    found = require_fit(client)
    log.info("Server", version=found.name, durability=found.durability)
    return client


if __name__ == "__main__":
    sys.exit(main())
