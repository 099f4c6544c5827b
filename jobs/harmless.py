"""What a line of the log may say: no secret, and nothing that ends a line, moves a cursor or turns text around."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from . import scrubbing
from .redaction import HIDDEN, is_secret, redacted


def is_harmless(line: str, secrets: Collection[str]) -> bool:
    """Whether a line of JSON may be written as it is; False says only that its parts must be looked at.

    What JSON has to escape, a secret with such signs included, shows by a backslash; names are looked at elsewhere, so
    a line with names in its values is not harmless yet.
    """
    nested = "[" in line or line.rfind("{") > 0
    return not nested and "\\" not in line and not any(map(line.__contains__, secrets))


@lru_cache(maxsize=1024)
def names_secrets(names: tuple[str, ...]) -> bool:
    """Whether the text under one of these names must not be shown."""
    return any(map(is_secret, names))


def harmless(said: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """The same without secrets, and with what would do harm spelled out."""
    return {name: _harmless(name, value, secrets) for name, value in said.items()}


def spelled_out(text: str) -> str:
    """The same without what cannot be printed."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _harmless(name: str, value: Any, secrets: Collection[str]) -> Any:
    if isinstance(value, str) and is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return spelled_out(scrubbing.without(value, secrets))
    return scrubbing.scrubbed(redacted(value), secrets) if isinstance(value, (dict, list)) else value


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
