"""Who somebody is: the owner of ADMIN_PASSWORD, or the bearer of an API token."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from flask import current_app
from pydantic import SecretStr

from jobs import tokens
from jobs.settings import current_settings
from jobs.tokens import Caller, Scope

from . import roles

_ADMIN = Caller("admin", frozenset(Scope), key="ADMIN_PASSWORD")


def identify(presented: str) -> Caller | None:
    """Who knows this password or token; None when it is neither. Raises RedisUnavailable for a token."""
    expected = current_settings().admin_password
    if expected is not None and hmac.compare_digest(digest(presented), digest(expected.get_secret_value())):
        return _ADMIN
    return tokens.identify(presented, current_settings(), datetime.now(UTC))


def holder(key: str) -> Caller | None:
    """Who a session is of, with what they may do now; None when the token was revoked or has expired.

    Raises RedisUnavailable.
    """
    if key == _ADMIN.key:
        return _ADMIN
    found = tokens.bearer(key, datetime.now(UTC))
    return roles.in_pages(found) if found and roles.role_of(found) else None


def fingerprint(key: str) -> str:
    """Changes with the password or the token of the settings, so that changing it ends the sessions it began."""
    chosen = current_settings()
    held = {_ADMIN.key: chosen.admin_password, tokens.OWNER.key: chosen.api_token}.get(key, SecretStr(key))
    secret = current_app.secret_key.encode() if isinstance(current_app.secret_key, str) else current_app.secret_key
    return hmac.new(secret or b"", digest(held.get_secret_value() if held else ""), hashlib.sha256).hexdigest()[:32]


def actor(someone: Caller) -> str:
    """How the audit log names somebody who acts in the pages: names of tokens need not differ, their ids do."""
    return someone.name if someone.key in {_ADMIN.key, tokens.OWNER.key} else f"{someone.name} ({someone.key})"


def digest(text: str) -> bytes:
    """Of one length, so that comparing takes the same time whatever was guessed."""
    return hashlib.sha256(text.encode()).digest()
