"""Threads of gunicorn that do not wait for ever for a client who sends nothing, or a byte at a time.

And that waste less on those who send request after request: gunicorn's own hand the connection back and forth for each,
which takes half of the CPU time that they need for one.
"""

from __future__ import annotations

import select
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import Any

from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from .pacing import IDLE_SECONDS, Answering, Paced, is_here
from .sharing import Shares
from .stopping import stopping

HEAD_SECONDS = 5.0
"""How long a request line and headers may take in all; a browser sends them at once."""

_NEXT_MS = 5
"""How long a thread waits at a connection for the next request, before it looks after others."""
_HESITATION = 0.001
"""Seconds in which another process, which has fewer connections, may take a new one."""


class PatientThreads(ThreadWorker):
    """gthread, where each request holds a thread while it is read: a few slow clients would keep all others waiting."""

    shares: Shares | None = None

    @classmethod
    def setup(cls) -> None:
        """What gunicorn calls before it forks."""
        cls.shares = cls.shares or Shares()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[socket.socket, float] = {}
        self._lock = Lock()
        self._queued = self._staying = 0

    def init_process(self) -> None:
        """Begin to serve."""
        # Gunicorn asks for a dozen settings for each request, and finds each by two calls; now they are attributes.
        plain = {name: one.get() for name, one in self.cfg.settings.items() if not hasattr(Config, name)}
        vars(self.cfg).update(plain)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, unless a process that has fewer was faster."""
        if self.shares and self.shares.another_has_fewer(self.nr_conns, time.monotonic()):
            time.sleep(_HESITATION)
        super().accept(listener)
        self._tell_share()

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection that has something to say to a thread."""
        with self._lock:
            self._queued += 1
        self.tpool.submit(self.handle, conn).add_done_callback(partial(self._put_back, conn))

    def handle(self, conn: Any) -> Any:
        """Read and answer requests as long as one follows the other; runs in a thread."""
        with self._lock:
            self._queued -= 1
        while (kept := self._handle_one(conn)) is True and self._another_follows(conn):
            pass
        return kept

    def _handle_one(self, conn: Any) -> Any:
        self._expect(conn.sock, time.monotonic() + HEAD_SECONDS)
        try:
            return super().handle(conn)
        finally:
            self._forget(conn.sock)

    def _another_follows(self, conn: Any) -> bool:
        """Whether the next request comes at once; not waited for while others need this thread."""
        with self._lock:
            if not self.alive or self._queued or self._staying >= self.cfg.threads // 2:
                return False
            self._staying += 1
        coming = select.poll()
        coming.register(conn.sock, select.POLLIN)
        found = bool(conn.parser.unreader.buf.getvalue()) or bool(coming.poll(_NEXT_MS))
        with self._lock:
            self._staying -= 1
        return found

    def _put_back(self, conn: Any, done: Future[Any]) -> None:
        """Watch a connection that is kept from this thread; gunicorn would wake its main thread to do it."""
        if not self.alive or not _is_kept(done) or conn.parser.unreader.buf.getvalue():
            self.method_queue.defer(self.finish_request, conn, done)
            return
        conn.set_timeout()
        self.keepalived_conns.append(conn)  # first, as its next request may come as soon as it is watched
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head is complete."""
        sock = conn.sock
        self._forget(sock)
        if self.cfg.is_ssl:
            sock.settimeout(IDLE_SECONDS)
        else:
            conn.sock = Answering(sock)
        try:
            kept = self._answer(req, conn, sock)
            if conn.sock is not sock:
                conn.sock.flush()
            return kept
        finally:
            conn.sock = sock

    def _answer(self, req: Any, conn: Any, sock: socket.socket) -> Any:
        if is_here(req.body.reader):
            return super().handle_request(req, conn)
        sock.settimeout(IDLE_SECONDS)
        req.body.reader = body = Paced(req.body.reader, lambda until: self._expect(sock, until))
        try:
            return super().handle_request(req, conn)
        finally:
            body.given_up = True

    def _keepalive_after(self, conn: Any, keepalive: Any) -> Any:
        """Whether the connection can be used again; gunicorn sets timeouts for reading the rest even of a read body."""
        body = conn.parser.mesg.body
        if keepalive and not body.failed and getattr(body.reader, "length", None) == 0:
            return True
        return super()._keepalive_after(conn, keepalive)  # type: ignore[misc]  # its stubs lack it

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what could not be read as a request."""
        from . import unreadable  # the app's modules, of which the process before the fork has none

        unreadable.refuse(client, addr, exc)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop; answers that are held back are given now."""
        stopping.set()
        super().handle_exit(sig, frame)

    def notify(self) -> None:
        """Tell the arbiter that this process lives, about once a second; the moment to look at the clients, too."""
        super().notify()
        self._tell_share()
        self._hang_up(time.monotonic())

    def _tell_share(self) -> None:
        if self.shares:
            self.shares.note(self.age, self.nr_conns, time.monotonic())

    def _hang_up(self, now: float) -> None:
        """Wake the threads that wait for the rest of a request: their next read finds the connection closed."""
        with self._lock:
            overdue = [sock for sock, until in self._reading.items() if until < now]
            for sock in overdue:
                del self._reading[sock]
        for sock in overdue:
            _shut(sock)

    def _expect(self, sock: socket.socket, until: float | None) -> None:
        """Hang up unless what is being read has come by then; None: nothing is being read."""
        if until is None:
            self._forget(sock)
            return
        with self._lock:
            self._reading[sock] = until

    def _forget(self, sock: socket.socket) -> None:
        if sock in self._reading:
            with self._lock:
                self._reading.pop(sock, None)


def _is_kept(done: Future[Any]) -> bool:
    return not done.cancelled() and not done.exception() and done.result() is True


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client was faster
