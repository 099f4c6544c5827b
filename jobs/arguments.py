"""A function's annotations as a pydantic model: what is accepted, and what is run."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import PydanticUndefined

from .errors import InvalidArguments, Problem, TaskDefinitionError

_NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


class Arguments(BaseModel):
    """Base of every task's arguments: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)


def model_of(name: str, function: Callable[..., Any]) -> type[Arguments]:
    """Build the model of a function's parameters.

    Raises TaskDefinitionError for parameters that JSON arguments cannot name or check.
    """
    hints = _hints(name, function)
    fields = {p.name: _field(name, p, hints) for p in inspect.signature(function).parameters.values()}
    try:
        return create_model(f"{name} arguments", __base__=Arguments, **fields)  # type: ignore[call-overload, no-any-return]
    except Exception as error:
        raise TaskDefinitionError(f"{name}: its annotations cannot be checked by pydantic: {error}") from error


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TaskDefinitionError(f"{name}: an annotation names something unknown: {error}") from error


def _field(name: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[Any, Any]:
    if parameter.kind not in _NAMED:
        raise TaskDefinitionError(f"{name}: {parameter} is not possible, because arguments are passed by name")
    if parameter.name not in hints:
        raise TaskDefinitionError(f"{name}: parameter {parameter.name!r} needs an annotation, such as `: str`")
    required = parameter.default is inspect.Parameter.empty
    return hints[parameter.name], PydanticUndefined if required else parameter.default


def bind(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Name the positional arguments of a call, as Python would."""
    positional, required, possible = _parameters(function)
    named = {**dict(zip(positional, args, strict=False)), **kwargs}
    if len(named) == len(args) + len(kwargs) and required <= named.keys() <= possible:
        return named
    try:  # Python says best what is wrong with this call, but would take its time for each that is right
        return dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise InvalidArguments(name, [Problem("", str(error))]) from None


@cache
def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """The names of those that may be given by position, of those that must be given, and of all."""
    every = inspect.signature(function).parameters.values()
    positional = tuple(one.name for one in every if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = frozenset(one.name for one in every if one.default is inspect.Parameter.empty)
    return positional, required, frozenset(one.name for one in every)


def accept(name: str, model: type[Arguments], args: Mapping[str, Any]) -> bytes:
    """Check arguments and give them back as JSON; only what was given is kept."""
    return model.__pydantic_serializer__.to_json(_checked(name, model, args), exclude_unset=True)


def restore(name: str, model: type[Arguments], args: Mapping[str, Any]) -> dict[str, Any]:
    """Check stored JSON arguments once more and give them back as the types the function asks for."""
    checked = _checked(name, model, args)
    return {field: getattr(checked, field) for field in checked.model_fields_set}


def _checked(name: str, model: type[Arguments], args: Mapping[str, Any]) -> Arguments:
    try:
        return typing.cast("Arguments", model.__pydantic_validator__.validate_python(dict(args)))
    except ValidationError as error:
        raise InvalidArguments(name, [_problem(item, args) for item in error.errors(include_url=False)]) from None


def _problem(item: Mapping[str, Any], args: Mapping[str, Any]) -> Problem:
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in _path(item["loc"], args))
    return Problem(pointer, str(item["msg"]).removeprefix("Value error, "), item.get("input"))


def _path(loc: Sequence[str | int], args: Any) -> Iterator[str | int]:
    """The steps that lead into what was sent: between them pydantic names the member of a union that it tried."""
    for number, part in enumerate(loc):
        if number == 0 or _leads_into(args, part):
            yield part
            args = args[part] if _leads_into(args, part) else None


def _leads_into(value: Any, part: str | int) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)
