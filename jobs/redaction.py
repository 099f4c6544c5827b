"""What must not be shown: by the name it stands under, and by its type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Annotated, Any

from pydantic import Field

from . import registry
from .errors import UnknownTask

HIDDEN = "[hidden]"
_NAME = re.compile(
    r"pass(word|wd|phrase)"  # anywhere, as in dbpassword and password_hash
    r"|(secret|token|cookie|credential|authorization|(api|private)[_. -]?key)s?$"  # at the end, as in clientsecret
    r"|(?<![a-z])(secret|token|cookie|credential|authorization|pwd|(api|private)[_. -]?key)(?![a-z])"
    r"|(?<![a-z])pass$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Secret = Annotated[str, Field(json_schema_extra={"format": "password", "writeOnly": True})]
"""Annotates a parameter of a task whose value pages, API and logs never show: `def deliver(url: str, key: Secret)`."""


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what stands under this name must not be shown: `password`, `api_key`, `webhookSecret`, `token_of_shop`.

    `tokens_used` and `secretary` only look alike.
    """
    return _NAME.search(_CAMEL.sub("_", name)) is not None


def redacted(value: Any) -> Any:
    """The same JSON value without the texts that stand under such a name; numbers stay, as in `{"token": 3}`."""
    if isinstance(value, (str, int, float)):  # most are, and whether something is a Mapping takes long to tell
        return value
    if isinstance(value, (dict, Mapping)):
        return {name: _hidden(item) if is_secret(str(name)) else redacted(item) for name, item in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value


def arguments(task: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a job as they may be shown: also without those that the task marks as Secret."""
    marked, shown = _marked(task), redacted(args)
    return {name: _hidden(item) if name in marked else item for name, item in shown.items()} if marked else shown


def _hidden(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float)) else HIDDEN


@cache
def _marked(task: str) -> frozenset[str]:
    try:
        properties = registry.find(task).schema().get("properties", {})
    except UnknownTask:
        return frozenset()
    return frozenset(name for name, schema in properties.items() if _is_marked(schema))


def _is_marked(schema: Mapping[str, Any]) -> bool:
    return schema.get("format") == "password" or any(map(_is_marked, schema.get("anyOf", [])))
