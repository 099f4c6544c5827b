"""Problem documents (RFC 9457)."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """One thing wrong with a request: where (a JSON pointer into the body, or a parameter's name) and why."""

    pointer: str | None = Field(None, examples=["#/args/width"])
    parameter: str | None = None
    detail: str


class ProblemView(BaseModel):
    """A problem document (RFC 9457); `type` is stable, `detail` is for a person."""

    type: str = Field(examples=["urn:nightshift:problem:invalid-arguments"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str
    request_id: str
    errors: list[Fault] | None = None
    limit: int | None = Field(None, description="The limit that was passed.")
    setting: str | None = Field(None, description="The setting that raises the limit.")
    retry_after: int | None = Field(None, description="Seconds, as in the Retry-After header.")
    checks: dict[str, bool] | None = Field(None, description="What /readyz found.")
