"""The supervisor as a worker of RQ: `rq info` lists it, and RQ's commands reach it."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from typing import Any, cast

from rq.suspension import WORKERS_SUSPENDED
from rq.worker import Worker, WorkerStatus

from jobs import keys
from jobs.connection import Client, connect, translate_errors
from jobs.settings import Settings

LIFE = 30  # seconds that the record outlives the last heartbeat


class _Record(Worker):
    """RQ's own reading and writing of a worker's record, without its work."""

    @property
    def connection_timeout(self) -> int:
        """RQ raises the client's timeout to this, for its blocking pop; we have none."""
        return 0


class Registration:
    """Birth, heartbeats and death of a supervisor in RQ's registry of workers."""

    def __init__(self, client: Client, queues: Sequence[str], horses: int) -> None:
        self.name = f"{socket.gethostname().split('.')[0]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._client = client
        self._horses = horses
        self._record = _Record(list(queues), name=self.name, connection=client, prepare_for_work=False)
        self._record.hostname = socket.gethostname()
        self._record.pid = os.getpid()

    def begin(self) -> None:
        """Write the record. Raises RedisUnavailable."""
        with translate_errors():
            self._record.register_birth()  # type: ignore[no-untyped-call]
            self._client.hset(self._record.key, "horses", self._horses)
            self._client.expire(self._record.key, LIFE)
            self._record.set_state(WorkerStatus.STARTED)

    def beat(self, *, job_id: str | None, suspended: bool, totals: tuple[int, int, float]) -> None:
        """Say that the supervisor is alive and what it does; writes the whole record again when it was lost."""
        state = WorkerStatus.SUSPENDED if suspended else WorkerStatus.BUSY if job_id else WorkerStatus.IDLE
        finished, failed, busy = totals
        with translate_errors():
            if not self._client.hexists(self._record.key, "birth"):
                self.begin()
            with self._client.pipeline() as pipe:
                self._record.heartbeat(LIFE, pipeline=pipe)
                self._record.set_state(state, pipeline=pipe)
                self._record.set_current_job_id(job_id, pipeline=pipe)
                pipe.hset(self._record.key, mapping=_statistics(finished, failed, busy))
                pipe.execute()

    def end(self) -> None:
        """Take the record back."""
        with translate_errors():
            self._record.register_death()  # type: ignore[no-untyped-call]


def _statistics(finished: int, failed: int, busy: float) -> dict[Any, Any]:
    return {"successful_job_count": finished, "failed_job_count": failed, "total_working_time": busy}


def is_suspended(client: Client) -> bool:
    """Whether `rq suspend` asks all workers to take no jobs."""
    with translate_errors():
        return bool(client.exists(WORKERS_SUSPENDED))


def paused_queues(client: Client) -> set[str]:
    """The queues that were paused one by one."""
    with translate_errors():
        return {name.decode() for name in cast("set[bytes]", client.smembers(keys.PAUSED))}


class Commands:
    """What RQ's `send_shutdown_command`, `send_stop_job_command` and `send_kill_horse_command` publish to a worker."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._pubsub = connect(settings).pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._channel = f"rq:pubsub:{name}"
        self._subscribed = False

    def read(self) -> Iterator[dict[str, Any]]:
        """The commands that came since the last call. Raises RedisUnavailable."""
        with translate_errors():
            if not self._subscribed:
                self._pubsub.subscribe(self._channel)
                self._subscribed = True
            while message := self._pubsub.get_message(timeout=0):
                if command := _decode(message):
                    yield command

    def close(self) -> None:
        """Leave the channel."""
        self._pubsub.close()


def _decode(message: dict[str, Any]) -> dict[str, Any]:
    try:
        command = json.loads(message["data"])
    except (TypeError, ValueError):
        return {}
    return command if isinstance(command, dict) else {}
