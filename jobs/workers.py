"""What a person does to a worker."""

from __future__ import annotations

from rq.command import send_command, send_shutdown_command

from . import audit, connection, monitor
from .errors import WorkerMissing


def stop(name: str, *, by: str) -> None:
    """Ask a worker to stop as SIGTERM does: what has not ended within SHUTDOWN_GRACE is put back, and it exits.

    The platform may start a new one. Raises WorkerMissing.
    """
    _require(name)
    with connection.translate_errors():
        send_shutdown_command(connection.client(), name)
    audit.note(by, "worker.stop", name)


def drain(name: str, *, by: str) -> None:
    """Ask a worker to take no more jobs, to end those that it runs, however long they take, and to exit.

    Raises WorkerMissing.
    """
    _require(name)
    with connection.translate_errors():
        send_command(connection.client(), name, "drain")
    audit.note(by, "worker.drain", name)


def _require(name: str) -> None:
    if name not in {worker.name for worker in monitor.workers()}:
        raise WorkerMissing(name)
