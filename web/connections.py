"""A client's connection: the requests that come on it, one after the other, and its end."""

from __future__ import annotations

import math
import socket
import time
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.wsgi import base_environ

from .heads import Heads
from .pacing import Deadlines, Line, Paced, is_here
from .turns import let_others_lead

_LINGER_SECONDS = 2.0
"""How long a client may take to hang up after the last answer."""
_LINGER_BYTES = 64 * 1024
"""What it may still send meanwhile."""
_DRAIN_SECONDS = 5.0
"""How long the rest of a body that the app did not read may take."""


class Connection:
    """One client, from the first byte to the last."""

    def __init__(self, sock: socket.socket, addresses: tuple[Any, Any], cfg: Config, deadlines: Deadlines) -> None:
        self.sock, self._deadlines = sock, deadlines
        self.client, server = addresses
        self.line = Line(sock, deadlines)
        self.always = {**base_environ(cfg), "wsgi.multithread": True, **_said_of(self.client, server)}
        """What WSGI says of every request that comes on it."""
        self._parser: Any = Heads(cfg, self.line, self.client)
        self.idle_until = math.inf
        """When it is closed unless something comes."""
        self._leaves_at, self._may_still_send = math.inf, _LINGER_BYTES

    def fileno(self) -> int:
        """For the poller."""
        return self.sock.fileno()

    def next_request(self) -> Any:
        """Read the head of the next; raises StopIteration when there is none, and gunicorn's error for what is none."""
        self.line.begin_request()
        try:
            request = next(self._parser)
        finally:
            self.line.end_head()
        if request.expects_continue:
            self.line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not is_here(request.body.reader):
            request.body.reader = Paced(request.body.reader, self._expect)
        return request

    def _expect(self, until: float | None) -> None:
        self._deadlines.expect(self.sock, until)

    def finish_request(self) -> bool:
        """Skip what the app left of the body; gives whether the next request can be read."""
        body = self._parser.mesg.body
        if body.failed:
            return False
        if getattr(body.reader, "length", None) == 0:
            self._parser.mesg = None  # or the parser would look for more of it
            return True
        if isinstance(body.reader, Paced):
            body.reader.given_up = True
            let_others_lead()
        try:
            return bool(self._parser.finish_body(deadline=time.monotonic() + _DRAIN_SECONDS))
        except ParseException:
            return False  # the answer was given: another one would be taken for that of the next request

    def has_more(self) -> bool:
        """Whether the next request came together with the last."""
        return not self.is_leaving and bool(self._parser.unreader.buf.getvalue())

    def wake(self) -> None:
        """It is served now, which may take as long as it takes."""
        self.idle_until = math.inf

    def rest(self, keepalive: float) -> None:
        """Wait for the client, but not for ever."""
        self.idle_until = min(time.monotonic() + keepalive, self._leaves_at)

    def is_over(self, now: float, last: float) -> bool:
        """Whether nothing has come for too long; `last` is when every connection ends on which nothing is served."""
        return self.idle_until < now or (self.idle_until < math.inf and last < now)

    @property
    def is_leaving(self) -> bool:
        """Whether the last answer was given."""
        return self._leaves_at < math.inf

    def leave(self) -> bool:
        """Say that no more answers come; gives whether to wait for the client, who could lose the last one else."""
        self._leaves_at = time.monotonic() + _LINGER_SECONDS
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return self.drain()

    def drain(self) -> bool:
        """Throw away what a client sends who has had the last answer; gives whether more may come."""
        try:
            data = self.sock.recv(8192, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._may_still_send -= len(data)
        return bool(data) and self._may_still_send > 0

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


def _said_of(client: Any, server: Any) -> dict[str, str]:
    """Who speaks with whom; at a unix socket nobody has an address."""
    names = client if isinstance(client, tuple) else ("", "")
    ours = server if isinstance(server, tuple) else ("", "")
    return {
        "REMOTE_ADDR": names[0],
        "REMOTE_PORT": str(names[1]),
        "SERVER_NAME": ours[0],
        "SERVER_PORT": str(ours[1]),
    }
