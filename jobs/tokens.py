"""Who calls the API, and what they may do: tokens are shown once, and stored as hashes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import cast

from . import audit, connection, keys
from .errors import TokenMissing
from .registry import INTERNAL
from .settings import Settings

_TOKEN = re.compile(r"ns_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")
Field = bytes | bytearray | memoryview | str | int | float
_OF_ANYBODY = INTERNAL + "bulk"  # follows the patterns of who asked for it
_USE_NOTED_EVERY = timedelta(minutes=1)


class Scope(StrEnum):
    """What a token may do; each is given by itself, none includes another."""

    READ = "read"
    ENQUEUE = "enqueue"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token: `tasks` are patterns such as `mail.*` of the task names it may see and use.

    `key` tells callers apart for good, where two tokens may have one name.
    """

    name: str
    scopes: frozenset[Scope]
    tasks: tuple[str, ...] = ("*",)
    key: str = ""

    @property
    def sees_all(self) -> bool:
        """Whether no pattern limits which tasks this caller may see."""
        return "*" in self.tasks

    def may_use(self, task: str) -> bool:
        """Whether this caller may see and enqueue the task with this name; our own tasks nobody may."""
        return not task.startswith(INTERNAL) and (
            self.sees_all or any(fnmatchcase(task, pattern) for pattern in self.tasks)
        )

    def may_see(self, task: str) -> bool:
        """Whether this caller may see jobs of the task with this name.

        Our own are for operators; what we tell others quotes jobs of any task, so it is for those who see every task.
        """
        if task.startswith(INTERNAL):
            return Scope.OPERATE in self.scopes and (self.sees_all or task == _OF_ANYBODY)
        return self.may_use(task)


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret, which nobody can read again."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    tasks: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


OWNER = Caller("API_TOKEN", frozenset(Scope), key="API_TOKEN")
"""The bearer of the token in the settings."""


def create(
    name: str,
    scopes: Iterable[Scope],
    *,
    by: str,
    tasks: Iterable[str] = ("*",),
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Make a token; gives it with the text that its bearer sends, which is not stored."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    made = Token(token_id, name, tuple(scopes), tuple(tasks), datetime.now(UTC), by, expires_at, None)
    with connection.translate_errors(), connection.client().pipeline(transaction=True) as pipe:
        pipe.hset(keys.token(token_id), mapping={**_fields(made), "hash": _hash(secret)})
        pipe.zadd(keys.TOKENS, {token_id: made.created_at.timestamp()})
        pipe.execute()
    audit.note(by, "token.create", token_id, name=name, scopes=list(made.scopes), tasks=list(made.tasks))
    return made, f"ns_{token_id}_{secret}"


def all_tokens() -> list[Token]:
    """Every token, the newest first; expired ones stay until they are revoked."""
    with connection.translate_errors():
        client = connection.client()
        ids = [raw.decode() for raw in cast("list[bytes]", client.zrevrange(keys.TOKENS, 0, -1))]
        with client.pipeline(transaction=False) as pipe:
            for token_id in ids:
                pipe.hgetall(keys.token(token_id))
            found = pipe.execute()
    return [_read(token_id, raw) for token_id, raw in zip(ids, found, strict=True) if raw]


def revoke(token_id: str, *, by: str) -> None:
    """End a token at once; raises TokenMissing."""
    with connection.translate_errors(), connection.client().pipeline(transaction=True) as pipe:
        pipe.delete(keys.token(token_id))
        pipe.zrem(keys.TOKENS, token_id)
        removed = pipe.execute()[0]
    if not removed:
        raise TokenMissing(token_id)
    audit.note(by, "token.revoke", token_id)


def identify(presented: str, settings: Settings, now: datetime) -> Caller | None:
    """The caller who bears this token, or None; secrets are compared in constant time. Raises RedisUnavailable."""
    expected = settings.api_token.get_secret_value() if settings.api_token else ""
    if expected and hmac.compare_digest(presented.encode(), expected.encode()):
        return OWNER
    parts = _TOKEN.fullmatch(presented)
    return _stored_caller(parts["id"], parts["secret"], now) if parts else None


def bearer(key: str, now: datetime) -> Caller | None:
    """Who was identified as the caller with this key, with what the token may do now; None when it has ended.

    Raises RedisUnavailable.
    """
    if key == OWNER.key:
        return OWNER
    raw = connection.read_hash(keys.token(key))
    return _valid(key, raw, now) if raw else None


def is_stored(presented: str) -> bool:
    """Whether this has the form of a token that Redis knows, so that it must be asked."""
    return _TOKEN.fullmatch(presented) is not None


def _stored_caller(token_id: str, secret: str, now: datetime) -> Caller | None:
    raw = connection.read_hash(keys.token(token_id))
    if not hmac.compare_digest(raw.get(b"hash", b""), _hash(secret).encode()):
        return None
    return _valid(token_id, raw, now)


def _valid(token_id: str, raw: Mapping[bytes, bytes], now: datetime) -> Caller | None:
    found = _read(token_id, raw)
    if not found.is_valid(now):
        return None
    _note_use(found, now)
    return Caller(found.name, frozenset(found.scopes), found.tasks, token_id)


def _note_use(token: Token, now: datetime) -> None:
    """Not at every request: a write for each read would double the cost of a token."""
    if token.last_used_at is None or now - token.last_used_at > _USE_NOTED_EVERY:
        with connection.translate_errors():
            connection.client().hset(keys.token(token.id), "last_used_at", now.isoformat())


def _hash(secret: str) -> str:
    """A plain hash is enough: a secret of 256 random bits cannot be guessed, however fast the guesses are."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _fields(token: Token) -> dict[Field, Field]:
    return {
        "name": token.name,
        "scopes": json.dumps(token.scopes),
        "tasks": json.dumps(token.tasks),
        "created_at": token.created_at.isoformat(),
        "created_by": token.created_by,
        "expires_at": token.expires_at.isoformat() if token.expires_at else "",
    }


def _read(token_id: str, raw: Mapping[bytes, bytes]) -> Token:
    text = {name.decode(): value.decode() for name, value in raw.items()}
    return Token(
        id=token_id,
        name=text["name"],
        scopes=tuple(map(Scope, json.loads(text["scopes"]))),
        tasks=tuple(json.loads(text["tasks"])),
        created_at=datetime.fromisoformat(text["created_at"]),
        created_by=text["created_by"],
        expires_at=_time(text.get("expires_at")),
        last_used_at=_time(text.get("last_used_at")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
