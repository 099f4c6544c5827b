"""One reading of Redis for all threads and tabs of a process, at most once a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from jobs.errors import NightshiftError

T = TypeVar("T")


class Fresh(Generic[T]):
    """A value that is read again when it is older than `seconds`; one thread reads while the others wait for it.

    A reading that failed counts as well: without that, every tab would wait for the same outage in turn.
    """

    def __init__(self, read: Callable[[], T], seconds: float = 1.0) -> None:
        self._read, self._seconds = read, seconds
        self._lock = threading.Lock()
        self._value: T | None = None
        self._error: NightshiftError | None = None
        self._until = float("-inf")

    def get(self) -> T:
        """The value; raises what its reading raised."""
        with self._lock:
            if monotonic() >= self._until:
                self._renew()
            if self._error is not None:
                raise self._error.with_traceback(None)
            return self._value  # type: ignore[return-value]  # set whenever there is no error

    def forget(self) -> None:
        """Read anew at the next call, because this process has just changed something."""
        with self._lock:
            self._until = float("-inf")

    def _renew(self) -> None:
        try:
            self._value, self._error = self._read(), None
        except NightshiftError as error:
            self._error = error
        self._until = monotonic() + self._seconds
