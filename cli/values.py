"""Arguments of a task as people type them: `name=text`, `name:=JSON`, `name=@file`, read as the task's schema says."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from cli.places import here
from jobs import files
from jobs.registry import Task

Upload = Callable[[Path], str]
Schema = Mapping[str, Any]

_ANYTHING = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_NO_FILE_YET = "file_" + "0" * 32


def arguments(task: Task, pairs: Iterable[str], whole: str | None = None) -> dict[str, Any]:
    """The checked arguments in `pairs`, over those in `whole`, a JSON object.

    Files are stored only when everything else fits. Raises InvalidArguments, and UsageError for what cannot be read.
    """
    given, base = list(pairs), _whole(whole)
    task.validate(base | _values(task, given, _exists))
    return base | _values(task, given, store)


def store(path: Path) -> str:
    """Store a local file; gives its id. Raises FileTooLarge and RedisUnavailable."""
    with path.open("rb") as data:
        return files.store(path.name, data, mimetypes.guess_type(path.name)[0] or "application/octet-stream").id


def usage(task: Task) -> str:
    """The arguments in one line, such as `photo=@FILE [width=INTEGER]`."""
    schema = task.schema()
    required = schema.get("required", ())
    words = [f"{name}={_placeholder(schema, field)}" for name, field in schema.get("properties", {}).items()]
    return " ".join(word if word.partition("=")[0] in required else f"[{word}]" for word in words)


def _whole(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    value = _json("--args", _read(text))
    if not isinstance(value, dict):
        raise click.UsageError("--args needs a JSON object, such as '{\"width\": 320}'")
    return value


def _read(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    return _existing(text[1:]).read_text() if text.startswith("@") else text


def _values(task: Task, pairs: Iterable[str], upload: Upload) -> dict[str, Any]:
    schema, values = task.schema(), dict[str, Any]()
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{pair!r} is not name=value; {task.name} takes {usage(task) or 'nothing'}")
        if name.endswith(":"):
            values[name[:-1]] = _json(name[:-1], text)
        else:
            _add(values, name, text, schema, upload)
    return values


def _add(values: dict[str, Any], name: str, text: str, schema: Schema, upload: Upload) -> None:
    """Said more than once, or once where a list is taken and no JSON is given, an argument is a list."""
    field = schema.get("properties", {}).get(name, {})
    items = _items(schema, field)
    if items is None or text.startswith("["):
        values[name] = _value(schema, field, text, upload)
    else:
        values.setdefault(name, []).append(_value(schema, items, text, upload))


def _value(schema: Schema, field: Schema, text: str, upload: Upload) -> Any:
    if text.startswith("@") and _takes_file(schema, field):
        return upload(_existing(text[1:]))
    kinds = _kinds(schema, field)
    if kinds == {"string"}:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if _kind(value) in kinds else text


def _items(schema: Schema, field: Schema) -> Schema | None:
    """What a list holds, if a list is all that is taken besides nothing."""
    lists = [one for one in _choices(schema, field) if one.get("type") == "array"]
    if not lists or not _kinds(schema, field) <= {"array", "null"}:
        return None
    items: Schema = lists[0].get("items", {})
    return items


def _kinds(schema: Schema, field: Schema) -> frozenset[str]:
    """The JSON types that are taken."""
    return frozenset().union(*(_own_kinds(choice) for choice in _choices(schema, field)))


def _own_kinds(choice: Schema) -> frozenset[str]:
    if "enum" in choice or "const" in choice:
        return frozenset(_kind(value) for value in choice.get("enum", [choice.get("const")]))
    kind = choice.get("type")
    named = frozenset([kind] if isinstance(kind, str) else kind or _ANYTHING)
    return named | {"integer"} if "number" in named else named


def _choices(schema: Schema, field: Schema) -> list[Schema]:
    """A schema without references, and each of its alternatives."""
    if "$ref" in field:
        return _choices(schema, schema["$defs"][field["$ref"].rpartition("/")[2]])
    for word in ("anyOf", "oneOf", "allOf"):
        if word in field:
            return [choice for one in field[word] for choice in _choices(schema, one)]
    return [field]


def _takes_file(schema: Schema, field: Schema) -> bool:
    return any(choice.get("format") == "file-id" for choice in _choices(schema, field))


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _placeholder(schema: Schema, field: Schema) -> str:
    if _takes_file(schema, field):
        return "@FILE"
    items = _items(schema, field)
    if items is not None:
        return f"{_placeholder(schema, items)}…"
    named = [value for choice in _choices(schema, field) for value in choice.get("enum", ())]
    return "|".join(map(str, named)) if named else "|".join(sorted(_kinds(schema, field) - {"null"})).upper()


def _exists(path: Path) -> str:
    """In place of storing: a well-formed id, so that the rest can be checked first."""
    return _NO_FILE_YET


def _existing(name: str) -> Path:
    path = here(name)
    if not path.is_file():
        raise click.UsageError(f"there is no file {name!r}")
    return path


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{name} is not JSON: {error}") from None
