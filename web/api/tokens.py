"""Tokens: made, listed and revoked; the text of a token is shown once."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from werkzeug.wrappers import Response

from jobs import tokens
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, nothing, show
from ..resource import resource
from ..schemas.tokens import MadeTokenView, NewToken, TokensView, TokenView

api = resource("tokens", __name__, __doc__)


class TokenPath(BaseModel):
    """A token's id."""

    token_id: str


@api.get("/tokens", responses={200: TokensView}, openapi_extensions=answers())
@needs(Scope.ADMIN)
def list_tokens() -> Response:
    """List the tokens, without their secrets."""
    return show(TokensView(tokens=[TokenView.model_validate(token) for token in tokens.all_tokens()]))


@api.post("/tokens", responses={201: MadeTokenView}, openapi_extensions=answers(413, 415, 422))
@needs(Scope.ADMIN)
def create_token(body: NewToken) -> Response:
    """Make a token; its text is in this answer and can never be read again."""
    now = datetime.now(UTC)
    expires_at = now + timedelta(seconds=body.expires_in) if body.expires_in else None
    scopes = [scope for scope in Scope if scope in body.scopes]
    made, text = tokens.create(body.name, scopes, by=caller().name, tasks=body.tasks, expires_at=expires_at)
    return show(MadeTokenView(**TokenView.model_validate(made).model_dump(), token=text), 201)


@api.delete("/tokens/<token_id>", responses={204: None}, openapi_extensions=answers(404))
@needs(Scope.ADMIN)
def revoke_token(path: TokenPath) -> Response:
    """Revoke a token; it ends at once."""
    tokens.revoke(path.token_id, by=caller().name)
    return nothing()
