"""A form from the JSON Schema of a task's arguments, and arguments from what was filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from werkzeug.datastructures import FileStorage

from jobs import files
from jobs.registry import Task

Schema = Mapping[str, Any]

PREFIX = "arg-"
_LONG = 1000


@dataclass(frozen=True, slots=True)
class Field:
    """One argument: `kind` is text, long, number, choice, flag, file or json; `value` is what the control shows."""

    name: str
    kind: str
    input_type: str
    required: bool
    hint: str
    choices: tuple[str, ...]
    value: str
    step: str
    problem: str = ""

    @property
    def key(self) -> str:
        """Its name in the form."""
        return PREFIX + self.name


def fields(task: Task, filled: Mapping[str, str], problems: Mapping[str, str]) -> list[Field]:
    """The fields of a task's form, with what was filled in before and what was wrong with it."""
    schema = task.schema()
    required = set(schema.get("required", ()))
    return [
        _field(name, _resolved(part, schema), name in required, filled, problems.get(name, ""))
        for name, part in schema.get("properties", {}).items()
    ]


def arguments(task: Task, filled: Mapping[str, str], uploads: Mapping[str, FileStorage]) -> dict[str, Any]:
    """The arguments that a filled-in form stands for; what is left empty takes its default.

    A value that cannot be read as its type stays text, so that the task's own check says what is wrong with it.
    Raises FileTooLarge.
    """
    found: dict[str, Any] = {}
    for field in fields(task, filled, {}):
        upload = uploads.get(field.key)
        if upload is not None and upload.filename:
            kind = upload.mimetype or "application/octet-stream"
            found[field.name] = files.store(upload.filename, cast("BinaryIO", upload.stream), kind).id
        elif field.key in filled and (filled[field.key].strip() or field.kind == "flag"):
            found[field.name] = _read(field, filled[field.key])
    return found


def _field(name: str, part: Schema, required: bool, filled: Mapping[str, str], problem: str) -> Field:
    kind = _kind(part)
    typed = filled.get(PREFIX + name)
    return Field(
        name=name,
        kind=kind,
        input_type={"email": "email", "uri": "url"}.get(part.get("format", ""), "text"),
        required=required and kind != "file",
        hint=_hint(part, required),
        choices=tuple(str(choice) for choice in part.get("enum", ())),
        value=shown(part.get("default")) if typed is None else typed,
        step="1" if part.get("type") == "integer" else "any",
        problem=problem,
    )


def _resolved(part: Schema, schema: Schema) -> dict[str, Any]:
    """The variant of a property that a person is most likely to fill in, with the property's own title and default."""
    if "$ref" in part:
        part = {**schema["$defs"][str(part["$ref"]).rpartition("/")[2]], **part}
    variants: Sequence[Schema] = part.get("anyOf", ())
    first = next((variant for variant in variants if variant.get("type") != "null"), {})
    return {**first, **part}


def _kind(part: Schema) -> str:
    if "enum" in part:
        return "choice"
    match part.get("type"):
        case "string" if part.get("format") == "file-id":
            return "file"
        case "string":
            return "long" if part.get("maxLength", 0) >= _LONG * 10 else "text"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "flag"
    return "json"


def shown(value: Any) -> str:
    """An argument as its control shows it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _hint(part: Schema, required: bool) -> str:
    least, most = part.get("minimum"), part.get("maximum")
    limits = f"{least:g} to {most:g}" if least is not None and most is not None else ""
    shape = "JSON" if _kind(part) == "json" else ""
    return ", ".join(
        said for said in (part.get("description", ""), shape, limits, "" if required else "optional") if said
    )


def _read(field: Field, text: str) -> Any:
    match field.kind:
        case "flag":
            return text == "true"
        case "number" | "json":
            try:
                return json.loads(text)
            except ValueError:
                return text
    return text
