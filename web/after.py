"""Light work after the response, in this process: a mail to a log, a counter, a cache to warm.

It is lost when the process is killed, is not tried again and shares the CPU with requests. What must happen is a job.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import cache
from threading import BoundedSemaphore
from typing import Any, ParamSpec

from flask import after_this_request, has_request_context
from flask.wrappers import Response

from jobs.errors import NightshiftError
from jobs.logs import get_logger

P = ParamSpec("P")

LIMIT = 100
_THREADS = 2

log = get_logger(__name__)


class TooMuchAfterResponse(NightshiftError):
    """A hundred calls wait already: the work is too heavy for the web process and should be a job."""

    def __init__(self) -> None:
        super().__init__(f"{LIMIT} calls of after_response wait already; enqueue a job instead")


_places = BoundedSemaphore(LIMIT)
_waiting: set[Future[None]] = set()


def after_response(function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a function, sync or async, when the response that is being made has been sent.

    Outside a request it is called at once, on the same threads. A failure is logged and changes no answer.
    A process that is stopped finishes what waits first. Raises TooMuchAfterResponse when 100 calls wait.
    """
    if not _places.acquire(blocking=False):
        raise TooMuchAfterResponse
    context = copy_context()

    def start() -> None:
        future = _pool().submit(context.run, _call, function, args, kwargs)
        _waiting.add(future)
        future.add_done_callback(_release)

    if has_request_context():
        after_this_request(lambda response: _on_close(response, start))
    else:
        start()


def drain(timeout: float = 20.0) -> int:
    """Wait until what was asked for is done, for at most `timeout` seconds; gives how many calls were left."""
    left = wait(set(_waiting), timeout).not_done
    if left:
        log.warning("work after responses was abandoned", calls=len(left))
    return len(left)


@cache
def _pool() -> ThreadPoolExecutor:
    # Built at the first call, because threads do not survive gunicorn's fork.
    # At exit the interpreter lets its threads finish what waits, which is the drain on SIGTERM.
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="after-response")


def _on_close(response: Response, start: Callable[[], None]) -> Response:
    response.call_on_close(start)
    return response


def _release(future: Future[None]) -> None:
    _waiting.discard(future)
    _places.release()


def _call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        outcome = function(*args, **kwargs)
        if inspect.isawaitable(outcome):
            asyncio.run(_finish(outcome))
    except Exception:
        log.exception("work after the response failed", function=getattr(function, "__qualname__", repr(function)))


async def _finish(outcome: Awaitable[Any]) -> None:
    await outcome
