"""Every call to Redis may be sent again: what is done is done once, although half of all replies are lost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.connection import UnixDomainSocketConnection
from redis.exceptions import ConnectionError as ConnectionLost

from jobs import connection, enqueue, keys, monitor
from jobs.connection import connect
from jobs.scripts import script
from jobs.settings import Settings
from tests.worker import sample_tasks as sample
from worker.horse import Duty, Horse
from worker.slots import Board

pytestmark = pytest.mark.server


class LossyConnection(UnixDomainSocketConnection):
    """Every second reply of a script is read from the wire and then lost, with the connection."""

    replies = count()
    _script = False

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Remember whether a reply may be lost: those of the handshake may not."""
        self._script = b"EVAL" in command[0]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """The reply, or its loss."""
        reply = super().read_response(*args, **kwargs)
        if self._script and next(LossyConnection.replies) % 2:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise ConnectionLost("the reply was lost")
        return reply


@pytest.fixture
def lossy(settings: Settings, redis: Redis) -> Iterator[Redis]:
    """A client that loses replies, in place as the process' own."""
    client = connect(settings)
    client.connection_pool.connection_class = LossyConnection
    connection.use_client(client)
    yield client
    connection.use_client(redis)
    client.close()


def test_each_enqueue_gives_one_job(lossy: Redis, redis: Redis) -> None:
    jobs = {enqueue(sample.add, number, 1).id for number in range(300)}
    assert len(jobs) == 300
    assert redis.llen(keys.queue("default")) == redis.zcard(keys.JOBS) == 300


def test_each_job_is_run_once_and_settled_once(
    lossy: Redis, redis: Redis, settings: Settings, tmp_path: Path, restored_signals: None
) -> None:
    notes = tmp_path / "notes"
    jobs = [enqueue(sample.work, str(notes), text=str(number)) for number in range(100)]
    board = Board(1)
    Horse(Duty("tester", ["default"], burst=True), board, board.slots[0], lossy, settings).run()
    assert sorted(notes.read_text().splitlines()) == sorted(
        f"{what} {n}" for what in ("start", "end") for n in range(100)
    )
    assert all([entry.outcome for entry in monitor.attempts(job.id)] == ["finished"] for job in jobs)
    assert redis.zcard(keys.registry("wip", "default")) == 0


def test_no_call_reads_the_reply_of_one_that_a_signal_ended(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    enqueue(sample.add, 1, 1)
    client: Any = connect(settings).client()  # type: ignore[no-untyped-call]
    with monkeypatch.context() as patch:
        patch.setattr(client.connection, "read_response", leave)
        with pytest.raises(KeyboardInterrupt):
            script("waiting")([keys.queue("default")], [], client)
    assert script("waiting")([keys.queue("another")], [], client) == 0
    client.close()
