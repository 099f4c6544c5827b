"""Lua scripts by name: every write that must be atomic is one file in `jobs/lua`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from .connection import Client

_FOLDER = Path(__file__).parent / "lua"
_USES = re.compile(r"^-- uses (.+)$", re.MULTILINE)

Value = str | bytes | int | float


class Script:
    """One script: sent by its digest, and whole only to a server that does not know it yet."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[Value], args: Sequence[Value], client: Client) -> Any:
        """Run the script in one round trip; raises the driver's errors."""
        try:
            return client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return client.eval(self.text, len(keys), *keys, *args)


@cache
def script(name: str) -> Script:
    """The script in `jobs/lua/<name>.lua`, after the parts that its line `-- uses ...` names."""
    return Script(name, _text(name))


def _text(name: str) -> str:
    text = (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    named = _USES.search(text)
    parts = named[1].split(", ") if named else []
    return "\n".join([*map(_text, parts), text])
