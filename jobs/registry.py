"""Tasks by name: `@task` puts a function in, `find` takes it out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar, overload

from pydantic_core import from_json

from . import arguments
from .errors import TaskDefinitionError, UnknownTask
from .priorities import PRIORITIES, Priority
from .retries import Retry
from .uniqueness import Unique

INTERNAL = "nightshift."
"""What the names of our own tasks begin with."""

Function = TypeVar("Function", bound=Callable[..., Any])

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_tasks: dict[str, Task] = {}
_names: dict[Callable[..., Any], str] = {}


@dataclass(frozen=True, slots=True)
class Task:
    """A registered function and how its jobs are run; times are in seconds, None means the setting's value."""

    name: str
    function: Callable[..., Any]
    queue: str
    timeout: int
    retry: Retry
    result_ttl: int | None
    description: str
    model: type[arguments.Arguments]
    unique: Unique | None = None
    priority: Priority = "normal"

    @property
    def is_async(self) -> bool:
        """Whether the function is `async def`."""
        return _is_async(self.function)

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the arguments."""
        return self.model.model_json_schema()

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Name the arguments of a Python call; raises InvalidArguments."""
        return arguments.bind(self.name, self.function, args, kwargs)

    def validate(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Check arguments and give them back as JSON values; raises InvalidArguments with every problem."""
        checked: dict[str, Any] = from_json(self.encode(args))
        return checked

    def encode(self, args: Mapping[str, Any]) -> bytes:
        """Check arguments and give them back as JSON; raises InvalidArguments with every problem."""
        return arguments.accept(self.name, self.model, args)

    def restore(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Turn stored JSON arguments into what the function takes; raises InvalidArguments."""
        return arguments.restore(self.name, self.model, args)


@overload
def task(function: Function, /) -> Function: ...


@overload
def task(
    *,
    name: str | None = None,
    queue: str = "default",
    timeout: int = 180,
    retry: Retry | int | None = None,
    result_ttl: int | None = None,
    unique: Unique | None = None,
    priority: Priority = "normal",
) -> Callable[[Function], Function]: ...


def task(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    queue: str = "default",
    timeout: int = 180,
    retry: Retry | int | None = None,
    result_ttl: int | None = None,
    unique: Unique | None = None,
    priority: Priority = "normal",
) -> Function | Callable[[Function], Function]:
    """Register a function, sync or async, as a task; it stays the same function and can be called and tested as such.

    `name` defaults to module and function without the leading `tasks.`; `timeout` and `result_ttl` are seconds;
    `retry` is a Retry, a number of retries, or None for the default of 3; `unique` makes one job of those alike; of the
    jobs that wait in a queue those of high `priority` go first, those of low priority last, and none waits for ever.
    Raises TaskDefinitionError when the function or an option cannot be used.
    """

    def register(decorated: Function) -> Function:
        defined = _define(decorated, name or _default_name(decorated), queue, timeout, _retry(retry), result_ttl)
        if priority not in PRIORITIES:
            raise TaskDefinitionError(
                f"task {defined.name!r}: priority must be {' or '.join(PRIORITIES)}, not {priority!r}"
            )
        _add(replace(defined, unique=unique, priority=priority))
        return decorated

    return register if function is None else register(function)


def find(name: str) -> Task:
    """The task with this name; raises UnknownTask."""
    try:
        return _tasks[name]
    except KeyError:
        raise UnknownTask(name, [known.name for known in all_tasks()]) from None


def task_of(function: Callable[..., Any]) -> Task:
    """The task that this decorated function became; raises UnknownTask."""
    if not callable(function):
        raise TypeError(f"{function!r} is not a task's function; a task is enqueued by its name with dispatch.submit")
    return find(_names.get(function) or _default_name(function))


def all_tasks() -> list[Task]:
    """Every task of the user, by name; our own, which are enqueued only by what is built in, are left out."""
    return [_tasks[name] for name in sorted(_tasks) if not name.startswith(INTERNAL)]


def _default_name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__name__}".removeprefix("tasks.")


def _retry(given: Retry | int | None) -> Retry:
    if isinstance(given, int):
        return Retry(max=given)
    return given or Retry()


def _define(
    function: Callable[..., Any], name: str, queue: str, timeout: int, retry: Retry, result_ttl: int | None
) -> Task:
    problems = _problems(name, queue, timeout, result_ttl)
    if problems:
        raise TaskDefinitionError(f"task {name!r}: {'; '.join(problems)}")
    description = (inspect.getdoc(function) or "").strip().split("\n\n")[0].replace("\n", " ")
    return Task(name, function, queue, timeout, retry, result_ttl, description, arguments.model_of(name, function))


def _problems(name: str, queue: str, timeout: int, result_ttl: int | None) -> list[str]:
    checks = {
        "name must be lower-case words joined by dots, such as 'mail.send'": _NAME.fullmatch(name),
        f"queue {queue!r} must be letters, digits, '_', '.', '-'": _QUEUE.fullmatch(queue),
        f"timeout must be 1 to 86400 seconds, not {timeout!r}": 1 <= timeout <= 86400,
        f"result_ttl must be above 0 seconds, not {result_ttl!r}": result_ttl is None or result_ttl > 0,
    }
    return [sentence for sentence, fine in checks.items() if not fine]


def _add(new: Task) -> None:
    old = _tasks.get(new.name)
    if old and _origin(old.function) != _origin(new.function):
        raise TaskDefinitionError(
            f"two functions are named {new.name!r}: {_origin(old.function)}, {_origin(new.function)}"
        )
    _tasks[new.name] = new
    _names[new.function] = new.name


def _origin(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


@cache
def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function)
