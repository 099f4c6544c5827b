"""API tokens, and how this installation is set up; no secret is shown but a token's own, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, flash, request
from werkzeug.wrappers import Response as AnyResponse

from jobs import tokens
from jobs.errors import TokenMissing
from jobs.settings import Settings, current_settings
from jobs.tokens import Scope

from . import overview, roles, sessions
from .actions import back
from .formats import sentence, size, span
from .rendering import page

_LIVES = {"30": 30, "90": 90, "365": 365, "": None}
_MEANINGS = {
    Scope.READ: "see jobs, tasks, queues, schedules and workers",
    Scope.ENQUEUE: "enqueue jobs and upload files",
    Scope.OPERATE: "retry, cancel, pause, resume, run schedules",
    Scope.ADMIN: "make tokens, read the audit log",
}


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/settings")(settings)
    pages.post("/settings/tokens")(create_token)
    pages.post("/settings/tokens/<token_id>/revoke")(revoke_token)


def settings() -> Response:
    """The tokens, and the settings that matter to people."""
    return _page()


def create_token() -> Response:
    """Make a token. Its text is in this answer only: neither in a cookie nor in an address."""
    name = request.form.get("name", "").strip()[:100]
    scopes = [scope for scope in Scope if scope.value in request.form.getlist("scope")]
    if not name or not scopes:
        return _page(problem="A token needs a name and at least one scope.", status=422)
    life = _LIVES.get(request.form.get("days", ""))
    expires_at = datetime.now(UTC) + timedelta(days=life) if life else None
    _, text = tokens.create(name, scopes, by=sessions.actor(), tasks=_patterns(), expires_at=expires_at)
    return _page(made=text)


def revoke_token(token_id: str) -> AnyResponse:
    """End a token at once."""
    try:
        tokens.revoke(token_id, by=sessions.actor())
    except TokenMissing as error:
        flash(sentence(error), "warn")
    else:
        flash("The token is revoked.", "good")
    return back("/settings")


def _page(*, made: str | None = None, problem: str | None = None, status: int = 200) -> Response:
    return page(
        "settings.html",
        section="dashboard.settings",
        living=False,
        status=status,
        tokens=tokens.all_tokens() if roles.may("dashboard.create_token") else [],
        meanings=_MEANINGS,
        made=made,
        problem=problem,
        filled=request.form,
        facts=_facts(current_settings()),
        server=overview.latest().server,
    )


def _patterns() -> tuple[str, ...]:
    given = (pattern.strip() for pattern in request.form.get("tasks", "").split(","))
    return tuple(pattern[:100] for pattern in given if pattern) or ("*",)


def _facts(chosen: Settings) -> list[tuple[str, str, str]]:
    """What is set, under the variable that sets it."""
    return [
        ("Release", chosen.release, "RELEASE"),
        ("Environment", chosen.environment.value, "NIGHTSHIFT_ENV"),
        ("Queues, best first", ", ".join(chosen.queues), "QUEUES"),
        ("Time zone", chosen.timezone, "TIMEZONE"),
        ("Finished jobs are kept", _kept(chosen.result_ttl, chosen.keep_finished), "RESULT_TTL, KEEP_FINISHED"),
        ("Dead letters are kept", _kept(chosen.failure_ttl, chosen.keep_failed), "FAILURE_TTL, KEEP_FAILED"),
        ("Canceled jobs are kept", _kept(chosen.canceled_ttl, chosen.keep_canceled), "CANCELED_TTL, KEEP_CANCELED"),
        ("Files are kept", span(chosen.file_ttl), "FILE_TTL"),
        ("Largest arguments", size(chosen.max_args_bytes), "MAX_ARGS_BYTES"),
        ("Largest result", size(chosen.max_result_bytes), "MAX_RESULT_BYTES"),
        ("Largest file", size(chosen.file_max_bytes), "FILE_MAX_BYTES"),
    ]


def _kept(seconds: int, most: int) -> str:
    return f"{span(seconds)}, at most {most:,} of each queue"
