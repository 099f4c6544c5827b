"""The supervisor as a worker of RQ: `rq info` lists it, its heartbeats keep its jobs, and RQ's commands reach it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ConnectionError as ConnectionLost
from rq.suspension import WORKERS_SUSPENDED
from rq.worker import Worker, WorkerStatus

from jobs import keys
from jobs.connection import Client, translate_errors
from jobs.priorities import RANKED, name_of
from jobs.scripts import Value, script
from jobs.verbs import LEASE, rq_time

from .slots import Run

LIFE = 30  # seconds that the record outlives the last heartbeat


@dataclass(frozen=True, slots=True)
class News:
    """What a heartbeat brings back: switches set by others, and the executions whose job was taken away, or ended,
    and the lists of high and low priority that have jobs."""

    suspended: bool
    paused: frozenset[str]
    lost: frozenset[str] = frozenset()
    canceled: frozenset[str] = frozenset()
    ranked: frozenset[str] = frozenset()


class _Record(Worker):
    """RQ's own writing of a worker's record, without its work."""

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
        self._ranked = [keys.queue(name_of(queue, priority)) for queue in queues for priority in RANKED]
        self._record = _Record(list(queues), name=self.name, connection=client, prepare_for_work=False)
        self._record.hostname = socket.gethostname()
        self._record.pid = os.getpid()

    def beat(self, runs: Sequence[Run], totals: tuple[int, int, float], state: str) -> News:
        """Say that the supervisor and its jobs are alive. Raises RedisUnavailable."""
        args: list[Value] = [
            LIFE,
            LEASE,
            rq_time(time.time()),
            state,
            runs[0].job_id if runs else "",
            *totals,
        ]
        members = [part for run in runs for part in (run.queue, f"{run.job_id}:{run.execution}")]
        with translate_errors():
            known, stop, paused, lost, canceled, ranked = script("heartbeat")(
                [self._record.key, WORKERS_SUSPENDED, keys.PAUSED, *self._ranked], [*args, *members], self._client
            )
            if not known:
                self._begin()
        names = frozenset(name.decode() for name in paused)
        lists = frozenset(key.decode().removeprefix("rq:queue:") for key in ranked)
        return News(bool(stop), names, _executions(lost), _executions(canceled), lists)

    def _begin(self) -> None:
        """Write the record: at the first heartbeat, and again when the server has lost it."""
        self._record.register_birth()  # type: ignore[no-untyped-call]
        self._client.hset(self._record.key, "horses", self._horses)
        self._client.expire(self._record.key, LIFE)
        # RQ's pipeline took a second connection out of the pool: give it up, for the sake of small plans.
        self._client.connection_pool.disconnect(inuse_connections=False)

    def end(self) -> None:
        """Take the record back. Raises RedisUnavailable."""
        with translate_errors():
            self._record.register_death()  # type: ignore[no-untyped-call]


def _executions(members: Sequence[bytes]) -> frozenset[str]:
    return frozenset(member.decode().rpartition(":")[2] for member in members)


def state_of(runs: Sequence[Run], *, suspended: bool) -> str:
    """RQ's word for what a worker does."""
    if runs:
        return WorkerStatus.BUSY.value
    return WorkerStatus.SUSPENDED.value if suspended else WorkerStatus.IDLE.value


class Commands:
    """What RQ's `send_shutdown_command`, `send_stop_job_command` and `send_kill_horse_command` publish to a worker.

    They come over the supervisor's only connection, as pushes of RESP3 between the replies: small Redis plans allow
    20 connections in all, and a deploy doubles the workers.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._channel = f"rq:pubsub:{name}"
        self._inbox: deque[bytes] = deque()
        connection: Any = client.connection
        connection._parser.set_pubsub_push_handler(self._receive)
        connection.register_connect_callback(self._subscribe)
        self._subscribe(connection)
        self._connection = connection

    def _subscribe(self, connection: Any) -> None:
        connection.send_command("SUBSCRIBE", self._channel)  # the answer is a push, too

    def _receive(self, push: Sequence[Any]) -> None:
        if push[0] == b"message":
            self._inbox.append(push[2])

    def read(self) -> Iterator[dict[str, Any]]:
        """The commands that came since the last call. Raises RedisUnavailable."""
        with translate_errors():
            if self._readable():
                self._client.ping()  # reading its reply reads the pushes before it
        while self._inbox:
            if command := _decode(self._inbox.popleft()):
                yield command

    def _readable(self) -> bool:
        try:
            return bool(self._connection.can_read(timeout=0))
        except ConnectionLost:
            self._connection.disconnect()  # else the next call would find the same dead socket
            raise


def _decode(message: bytes) -> dict[str, Any]:
    try:
        command = json.loads(message)
    except ValueError:
        return {}
    return command if isinstance(command, dict) else {}
