"""Where OpenTelemetry and Sentry hook in: requests, jobs as they are made, attempts.

Both are extras. While neither is set, each hook costs one look at an empty tuple, and no library of theirs is loaded.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..logs import get_logger
from ..settings import Settings

if TYPE_CHECKING:
    from ..records import Job
    from ..running import AttemptError

Said = TypeVar("Said")

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request that begins; `traceparent` is what the caller sent, when it is valid."""

    method: str
    path: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request was answered; `route` is the rule that its path fits, `error` what nobody expected."""

    status: int
    route: str | None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended: its outcome in one word, and why, when it did not finish."""

    outcome: str
    error: AttemptError | None = None


@dataclass(frozen=True, slots=True)
class Making:
    """A job that is being made."""

    id: str
    task: str
    queue: str
    traceparent: str | None


class Tool(Protocol):
    """One that watches. What is open is told by a context manager, which gives a function to say how it ended."""

    def request(self, request: Request) -> AbstractContextManager[Callable[[Answer], None]]:
        """Watch a request."""

    def made(self, making: Making) -> str | None:
        """The trace context that a new job is to carry; None when this tool has none."""

    def attempt(self, job: Job) -> AbstractContextManager[Callable[[Result], None]]:
        """Watch an attempt."""

    def traceparent(self) -> str | None:
        """The trace context of what is open here."""

    def stop(self) -> None:
        """Send what is not sent yet, within two seconds or so."""


_tools: tuple[Tool, ...] = ()


def load(settings: Settings) -> None:
    """Import what `start` will need; before a fork, so that the children share it."""
    for name, _ in _wanted(settings):
        _module(name)


def start(settings: Settings, process: str) -> None:
    """Begin to watch this process, if the settings say so; starts threads, so a horse calls it after the fork."""
    found = [(_module(name), kind) for name, kind in _wanted(settings)]
    use_tools(*(getattr(module, kind)(settings, process) for module, kind in found if module))
    if _tools:
        atexit.register(stop)


def stop() -> None:
    """Send what is not sent yet; a process that leaves by os._exit calls it first."""
    for tool in _tools:
        tool.stop()


def use_tools(*tools: Tool) -> None:
    """Watch by these from now on."""
    global _tools
    _tools = tools


def watched() -> bool:
    """Whether anything watches this process."""
    return bool(_tools)


def request(seen: Request) -> AbstractContextManager[Callable[[Answer], None]]:
    """Watch a request while this is open."""
    return _each(lambda tool: tool.request(seen)) if _tools else nullcontext(_nobody)


def attempt(job: Job) -> AbstractContextManager[Callable[[Result], None]]:
    """Watch an attempt while this is open."""
    return _each(lambda tool: tool.attempt(job)) if _tools else nullcontext(_nobody)


def made(making: Making) -> str | None:
    """The trace context that a new job carries: its own, in the trace it was made in; or what its request names."""
    return next((found for tool in _tools if (found := tool.made(making))), making.traceparent)


def traceparent() -> str | None:
    """The trace context of what is open here; None while no tool keeps one."""
    return next((found for tool in _tools if (found := tool.traceparent())), None) if _tools else None


def valid(given: str) -> str | None:
    """A W3C trace context, or None when it is not one."""
    return given if len(given) <= 128 and _TRACEPARENT.fullmatch(given) else None


def trace_id(context: str | None) -> str | None:
    """The id of the trace in a trace context."""
    found = _TRACEPARENT.fullmatch(context) if context else None
    return found[1] if found else None


def _nobody(_: object) -> None:
    """Nobody watches."""


@contextmanager
def _each(watch: Callable[[Tool], AbstractContextManager[Callable[[Said], None]]]) -> Iterator[Callable[[Said], None]]:
    with ExitStack() as stack:
        told = [stack.enter_context(watch(tool)) for tool in _tools]

        def tell(said: Said) -> None:
            for one in told:
                one(said)

        yield tell


def _wanted(settings: Settings) -> Iterator[tuple[str, str]]:
    """Modules and classes."""
    if settings.traces:
        yield "otel", "OpenTelemetry"
    if settings.sentry_dsn:
        yield "sentry", "Sentry"


@cache
def _module(name: str) -> ModuleType | None:
    """One of ours; None, and said once, when its library is not installed."""
    try:
        return import_module(f".{name}", __name__)
    except ModuleNotFoundError as error:
        log.warning("Not watched: an extra is not installed", missing=error.name, see="docs/tracing.md")
        return None
