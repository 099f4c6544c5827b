"""Tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobs.tokens import Scope

from .base import PLAIN, TEN_YEARS, WHOLE, Input, Instant, Pattern, View, example


class TokenView(View):
    """A token, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    tasks: list[str]
    created_at: Instant
    created_by: str
    expires_at: Instant | None
    last_used_at: Instant | None = Field(description="To the minute.")


class TokensView(View):
    """All tokens."""

    tokens: list[TokenView]


class MadeTokenView(TokenView):
    """A token that was just made."""

    token: str = Field(description="Send it as `Authorization: Bearer <token>`. It is shown only here.")


class NewToken(Input):
    """A token to be made."""

    model_config = example(name="shop backend", scopes=["enqueue", "read"], tasks=["mail.*"], expires_in=7776000)

    name: str = Field(min_length=1, max_length=100, pattern=PLAIN, examples=["shop backend"])
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(min_length=1, max_length=4)
    tasks: list[Pattern] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        max_length=50,
        description="Patterns of the task names it may see and use.",
        examples=[["mail.*"]],
    )
    expires_in: Annotated[int, Field(ge=60, le=TEN_YEARS), WHOLE] | None = Field(
        None, description="Seconds; it never expires when left out."
    )
