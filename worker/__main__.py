"""`python -m worker`: one supervisor and its horses."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence

from jobs import logs
from jobs.connection import Client, connect
from jobs.errors import NightshiftError, RedisUnavailable
from jobs.settings import Settings, current_settings

from . import boot
from .supervisor import Plan, Supervisor

log = logs.get_logger("worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a worker; the exit code is 0 after a stop that was asked for, 1 when it cannot start."""
    try:
        settings = current_settings()
        given = _parser(settings).parse_args(arguments)
        logs.configure_logging(settings, "worker")
        _check_server(settings)
        importlib.import_module(given.tasks)  # before the fork: the horses share what is loaded here
    except NightshiftError as error:
        print(error, file=sys.stderr)
        return 1
    queues = tuple(name.strip() for name in given.queues.split(",") if name.strip())
    Supervisor(Plan(queues, given.horses, given.burst), settings).run()
    return 0


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker", description="Run jobs.")
    parser.add_argument("--queues", default=",".join(settings.queues), help="queues, best first (%(default)s)")
    parser.add_argument("--horses", type=int, default=settings.horses, help="processes that run jobs (%(default)s)")
    parser.add_argument("--burst", action="store_true", help="end when the queues are empty")
    parser.add_argument("--tasks", default="tasks", help="the package that defines the tasks (%(default)s)")
    return parser


def _check_server(settings: Settings) -> None:
    """Wait for the server and look at it; a platform may start it after us."""
    client = connect(settings)
    try:
        found = _patiently(client)
        log.info("Server", version=found.version, durability=found.durability)
    finally:
        client.close()


def _patiently(client: Client) -> boot.Server:
    while True:
        try:
            return boot.check(client)
        except RedisUnavailable as error:
            log.warning("Waiting for Redis", error=str(error))
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
