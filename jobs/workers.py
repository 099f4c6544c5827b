"""What a person does to a worker."""

from __future__ import annotations

from rq.command import send_shutdown_command

from . import audit, connection, monitor
from .errors import WorkerMissing


def stop(name: str, *, by: str) -> None:
    """Ask a worker to stop as SIGTERM does: it puts what it runs back and exits. The platform may start a new one.

    Raises WorkerMissing.
    """
    if name not in {worker.name for worker in monitor.workers()}:
        raise WorkerMissing(name)
    with connection.translate_errors():
        send_shutdown_command(connection.client(), name)
    audit.note(by, "worker.stop", name)
