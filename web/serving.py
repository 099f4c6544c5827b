"""How a gunicorn process serves: threads that take turns, and that do not wait for ever for a slow client."""

from __future__ import annotations

import os
import select
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.config import Config
from gunicorn.workers.base import Worker

from .answering import Answering
from .clients import Clients
from .connections import Connection
from .pacing import Deadlines
from .sharing import Shares
from .stopping import stopping
from .turns import Turn, Turns

_TICK = 0.005
"""How often the main thread looks whether the leader is stuck; Python switches between threads as often."""
_QUIET_TICKS = 20
"""After so many without a request it rests until one comes."""
_BEAT = 1.0
"""How often a process says that it lives."""
_LINGER = 2.0
"""How long a process that stops keeps the connections open on which a request may be under way."""


class PatientThreads(Worker):
    """A process of gunicorn's: its main thread supervises, the others lead in turn and answer."""

    shares: Shares | None = None

    @classmethod
    def setup(cls) -> None:
        """What gunicorn calls before it forks."""
        cls.shares = cls.shares or Shares()

    @classmethod
    def check_config(cls, cfg: Any, _log: Any) -> None:
        """Raises SystemExit for what these threads cannot do."""
        if cfg.is_ssl or cfg.proxy_protocol != "off":
            instead = "let the platform's router or a proxy in front do TLS, and set PROXY_HOPS"
            raise SystemExit(f"certfile, keyfile and proxy_protocol are not supported: {instead}")

    def init_process(self) -> None:
        """Begin to serve."""
        # Gunicorn asks for a dozen settings for each request, and finds each by two calls; now they are attributes.
        plain = {name: one.get() for name, one in self.cfg.settings.items() if not hasattr(Config, name)}
        vars(self.cfg).update(plain)
        self._deadlines = Deadlines()
        self._clients = Clients(self.sockets, self.cfg, self._deadlines)
        self._turns: Turns[Connection] = Turns(self._clients.leave_alone)
        self._most_kept = self.cfg.worker_connections - self.cfg.threads
        self._resting, self._beat_at = False, 0.0
        self._quiet = self._seen = 0
        super().init_process()

    def run(self) -> None:
        """Serve until told to stop, and then finish what has begun."""
        self._answering = Answering(self.wsgi, self.cfg, self.log, self._may_keep)
        for number in range(self.cfg.threads):
            threading.Thread(target=self._work, name=f"web-{number}", daemon=True).start()
        while self.alive and self.ppid == os.getppid():
            self._supervise(_BEAT)
        self.alive = False
        stopping.set()
        self._clients.stop(_LINGER)
        last = time.monotonic() + self.cfg.graceful_timeout
        while self._clients.connections and time.monotonic() < last:
            self._supervise(_TICK)

    # What the main thread does.

    def _supervise(self, longest: float) -> None:
        """Look once whether all goes well; when nothing happens, in `longest` seconds at the latest."""
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + _BEAT
            self.notify()
            self._deadlines.hang_up(now)
            if self.shares:
                self.shares.note(self.age, len(self._clients.connections), now)
        self._quiet, self._seen = self._quiet + 1 if self.nr == self._seen else 0, self.nr
        if self._quiet < _QUIET_TICKS or not self._rested(longest):
            time.sleep(_TICK)
        self._turns.end_after(_TICK)

    def _rested(self, longest: float) -> bool:
        """Wait for a signal or for a request, unless one is being served: until then nobody has to be watched."""
        self._resting = True
        turn = self._turns.current
        if free := turn is None or turn.serving is None:
            select.select([self.PIPE[0]], [], [], longest)
            with suppress(BlockingIOError):
                os.read(self.PIPE[0], 4096)
        self._resting = False
        return free

    # What the other threads do.

    def _work(self) -> None:
        while True:
            turn = self._turns.take()
            try:
                while self._turns.current is turn:
                    self._lead(turn)
            except BaseException:
                self.log.exception("a thread of web failed; its process is replaced")
                self.alive, turn.serving = False, None
                self._turns.end(turn)
                time.sleep(_BEAT)

    def _lead(self, turn: Turn[Connection]) -> None:
        connection = self._clients.next_ready(self._hesitates)
        if connection is None:
            return
        turn.begin(connection)
        if self._resting:
            self._wake_main()
        stays = self._answering.serve(connection)
        if self._turns.finish(turn):
            self._clients.settle(connection, stays=stays)
        else:
            self._clients.give_back(connection, stays=stays)

    def _wake_main(self) -> None:
        self._quiet, self._resting = 0, False
        with suppress(BlockingIOError):
            os.write(self.PIPE[1], b".")

    def _hesitates(self) -> bool:
        """Whether a process that has fewer connections should take the next."""
        if not self.shares:
            return False
        now, held = time.monotonic(), len(self._clients.connections)
        self.shares.note(self.age, held, now)
        return self.shares.another_has_fewer(held, now)

    def _may_keep(self) -> bool:
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        return self.alive and len(self._clients.connections) <= self._most_kept
