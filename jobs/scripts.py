"""Lua scripts by name: every write that must be atomic is one file in `jobs/lua`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from .connection import Client

_FOLDER = Path(__file__).parent / "lua"
_USES = re.compile(r"^-- uses (.+)$", re.MULTILINE)

Value = str | bytes | int | float


class Packed:
    """Arguments that many calls have in common, packed once; to pack them anew takes longer than all else of a call."""

    def __init__(self, *args: Value) -> None:
        self.count = len(args)
        self.raw: bytes = pack_command(cast("Any", args)).partition(b"\r\n")[2]  # without the number of arguments


Args = Sequence[Value | Packed]
"""Of a script's arguments only the first may be a Packed one; it stands for all that it was made of."""


class Script:
    """One script: sent by its digest, and whole only to a server that does not know it yet."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[Value], args: Args, client: Client) -> Any:
        """Run the script in one round trip; raises the driver's errors.

        It passes by the driver's command layer, whose metrics and retries take longer than all else an enqueue does;
        the driver's pool still minds threads, forks and connections that the server has closed. A call whose reply was
        lost is sent once more, as every call of our clients is, so every script must bear that.
        """
        if client.connection:
            return Line(client).call(self, keys, args)
        pool: Any = client.connection_pool
        connection = pool.lend()
        try:
            reply = self.over(connection, keys, args)
            pool.trust(connection)
            return reply
        finally:
            pool.release(connection)

    def in_turn(self, keys: Sequence[Value], calls: Iterable[Args], client: Client) -> Generator[Any]:
        """The reply to each of many calls; while the server works on one, the arguments of the next are made.

        A connection is taken until the last reply, or until this is closed.
        """
        if client.connection:
            yield from (self(keys, args, client) for args in calls)
            return
        pool: Any = client.connection_pool
        connection, sent = pool.lend(), cast("Args | None", None)
        try:
            for args in calls:
                if sent is not None:
                    reply, sent = self._reply(connection, keys, sent), None
                    yield reply
                sent = self._begin(connection, keys, args)
            if sent is not None:
                reply, sent = self._reply(connection, keys, sent), None
                yield reply
        finally:
            if sent is not None:
                connection.disconnect()  # nobody reads the reply that is under way
            pool.release(connection)

    def _begin(self, connection: Any, keys: Sequence[Value], args: Args) -> Args:
        with suppress(ConnectionLost):  # who reads the reply learns of it, too, and sends the call again
            connection.send_packed_command([_packed("EVALSHA", self.sha, keys, args)])
        return args

    def _reply(self, connection: Any, keys: Sequence[Value], sent: Args) -> Any:
        try:
            return connection.read_response()
        except NoScriptError:
            return self.over(connection, keys, sent)
        except (ConnectionLost, ReadOnlyError):
            connection.disconnect()
            return self._run(connection, keys, sent)

    def over(self, connection: Any, keys: Sequence[Value], args: Args) -> Any:
        """One call over a connection of the driver's that nobody else uses meanwhile."""
        try:
            return self._run(connection, keys, args)
        except (ConnectionLost, ReadOnlyError):
            connection.disconnect()  # after a fail-over only a new connection finds the new primary
            return self._run(connection, keys, args)

    def after(self, wait: Sequence[Value], connection: Any, keys: Sequence[Value], args: Args) -> Any:
        """The same as soon as a blocking command has ended.

        The server keeps what a client sends behind such a command, and runs it in the moment that it ends: the reply is
        there a whole trip earlier than if the script were sent by who was woken.
        """
        try:
            return _call(connection, pack_command(cast("Any", tuple(wait))), _packed("EVALSHA", self.sha, keys, args))
        except (ConnectionLost, ReadOnlyError, NoScriptError):
            return self.over(connection, keys, args)

    def _run(self, connection: Any, keys: Sequence[Value], args: Args) -> Any:
        try:
            return _call(connection, _packed("EVALSHA", self.sha, keys, args))
        except NoScriptError:
            return _call(connection, _packed("EVAL", self.text, keys, args))


def _packed(command: str, script: str, keys: Sequence[Value], args: Args) -> bytes:
    """A call as it goes over the wire."""
    if args and isinstance(args[0], Packed):
        head, own = _head(command, script, tuple(keys)), Packed(*cast("Sequence[Value]", args[1:]))
        return b"*%d\r\n%b%b%b" % (head.count + args[0].count + own.count, head.raw, args[0].raw, own.raw)
    # The driver would look at the type of each argument once more, which takes longer than packing them.
    call: Any = (command, script, len(keys), *keys, *args)
    return cast("bytes", pack_command(call))


@lru_cache(maxsize=64)
def _head(command: str, script: str, keys: tuple[Value, ...]) -> Packed:
    return Packed(command, script, len(keys), *keys)


def _call(connection: Any, *packed: bytes) -> Any:
    """The reply to the last of these commands."""
    try:
        connection.send_packed_command([b"".join(packed)])
        for _ in packed[1:]:
            connection.read_response()
        return connection.read_response()
    except ResponseError:
        if len(packed) > 1:
            connection.disconnect()  # it may have been the first reply
        raise
    except BaseException:  # a signal between the two, which ends a job: the next call must not read this one's reply
        connection.disconnect()
        raise


class Line:
    """One connection for the scripts of a loop that runs thousands of jobs a second: it passes by the pool, too."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client if client.connection else client.client()  # type: ignore[no-untyped-call]

    def call(self, script: Script, keys: Sequence[Value], args: Args) -> Any:
        """Run the script in one round trip; raises the driver's errors."""
        with self._client.single_connection_lock:  # a thread that a task left behind may use the client, too
            return script.over(self._client.connection, keys, args)

    def call_after(self, wait: Sequence[Value], script: Script, keys: Sequence[Value], args: Args) -> Any:
        """Run the script as soon as a blocking command has ended, in one round trip for both."""
        with self._client.single_connection_lock:
            return script.after(wait, self._client.connection, keys, args)


@cache
def script(name: str) -> Script:
    """The script in `jobs/lua/<name>.lua`, after the parts that its line `-- uses ...` names."""
    return Script(name, _text(name))


def _text(name: str) -> str:
    text = (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    named = _USES.search(text)
    parts = named[1].split(", ") if named else []
    return "\n".join([*map(_text, parts), text])
