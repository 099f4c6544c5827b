"""`bin/jobs token`: who may call the API."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from cli import complete, words
from cli.actor import actor
from cli.commands import Group, as_json
from cli.output import Cell, emit, emitted, note, plain, say, show_list, state, table
from jobs import tokens as core
from jobs.tokens import Scope, Token

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_PATTERN = re.compile(r"[a-z0-9_.*]{1,100}")
_SCOPES = click.Choice([scope.value for scope in Scope])
_LEAST, _MOST = 60, 3660 * 86400


@click.group(cls=Group)
def token() -> None:
    """Make, list and revoke the tokens of the HTTP API."""


@token.command(examples=["token ls"])
def ls() -> None:
    """List the tokens, without their secrets."""
    found = core.all_tokens()
    if not emitted({"tokens": found}):
        columns = ["id", "name", "scopes", "tasks~", "made?", "by?", "expires?", "last used?"]
        show_list(table(columns, [_row(one) for one in found]), "No token was made yet: bin/jobs token create --help")


@token.command(examples=["token create shop --scope enqueue --scope read --task 'mail.*' --expires 90d"])
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do.",
)
@click.option("--task", "tasks", multiple=True, default=["*"], help="Patterns of the tasks it may see and use.")
@click.option("--expires", type=words.Length(), help="Ends by itself after this; never when left out.")
def create(name: str, scopes: Sequence[str], tasks: Sequence[str], expires: float | None) -> None:
    """Make a token. Its text goes to stdout; it is not stored, and nobody can read it again."""
    _check(name, tasks, expires)
    chosen = [scope for scope in Scope if scope in scopes]
    until = words.later(expires) if expires is not None else None
    made, text = core.create(name, chosen, by=actor(), tasks=tasks, expires_at=until)
    if as_json():
        emit(plain(made) | {"token": text})
        return
    note(f"Made {made.id}. Send it as `Authorization: Bearer <token>`; it is shown only now:")
    say(text)


@token.command(examples=["token revoke 0a1b2c3d4e5f"])
@click.argument("token_id", metavar="TOKEN", shell_complete=complete.token_ids)
def revoke(token_id: str) -> None:
    """End a token at once; TOKEN is its id."""
    core.revoke(token_id, by=actor())
    if not emitted({"id": token_id, "revoked": True}):
        say(f"Revoked {token_id}.")


def _check(name: str, tasks: Sequence[str], expires: float | None) -> None:
    if not _NAME.fullmatch(name):
        raise click.UsageError("NAME must be 1 to 100 characters")
    wrong = [pattern for pattern in tasks if not _PATTERN.fullmatch(pattern)]
    if wrong:
        raise click.UsageError(f"{wrong[0]!r} is no pattern of task names such as mail.*")
    if expires is not None and not _LEAST <= expires <= _MOST:
        raise click.UsageError("--expires must be one minute to ten years")


def _row(one: Token) -> list[Cell]:
    now = words.now()
    expires = words.at(one.expires_at) if one.is_valid(now) else state("stopped: expired")
    made = (words.at(one.created_at), one.created_by)
    return [
        one.id,
        one.name,
        ",".join(one.scopes),
        ",".join(one.tasks),
        *made,
        expires,
        words.ago(one.last_used_at, now),
    ]
