"""The JSON shapes of the API; the OpenAPI document is made from these models."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from jobs.tokens import Scope
from jobs.uniqueness import LONGEST

Instant = Annotated[datetime, Field(examples=["2026-11-21T17:00:00.123456Z"])]


class View(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)


class Input(BaseModel):
    """What the API takes: unknown fields are refused, and a number in quotes is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_all_defaults(cls, given: Any) -> Any:
        return {} if given is None else given


class Query(BaseModel):
    """What a query string may say; its values are text, so they are converted."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema; the plain one is built once, because flask-openapi asks for it on every request."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _plain_schema(cls)


@cache
def _plain_schema(model: type[Query]) -> dict[str, Any]:
    return super(Query, model).model_json_schema()


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


class TaskView(View):
    """A task that can be enqueued."""

    name: str = Field(examples=["images.thumbnail"])
    description: str
    queue: str
    timeout: int = Field(description="Seconds an attempt may take.")
    retries: int = Field(description="How often a failing job is tried again.")
    arguments: dict[str, Any] = Field(description="JSON Schema (2020-12) of the arguments.")


class TasksView(View):
    """The catalogue."""

    tasks: list[TaskView]


class FileView(View):
    """A stored file. Pass its id as an argument of a task."""

    id: str = Field(pattern="^file_[0-9a-f]{32}$", examples=["file_0123456789abcdef0123456789abcdef"])
    name: str
    content_type: str
    size: int = Field(description="Bytes.")
    expires_at: Instant
    content: str = Field(description="Where its bytes are.")


class ProgressView(View):
    """How far the task says it is."""

    done: float
    total: float | None
    note: str
    at: Instant


class ErrorView(View):
    """Why the last attempt failed."""

    type: str = Field(examples=["ValueError"])
    message: str


class AttemptView(View):
    """One execution of a job."""

    number: int
    started_at: Instant | None
    ended_at: Instant | None
    duration: float | None = Field(description="Seconds.")
    worker: str | None
    outcome: str
    error: ErrorView | None


class ArtifactView(View):
    """A file that a job made."""

    name: str
    content_type: str
    size: int
    href: str


class LinksView(View):
    """Where the rest of a job is."""

    self: str
    result: str
    log: str


class JobSummary(View):
    """A job, as lists show it."""

    id: str = Field(examples=["5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69"])
    task: str
    args: dict[str, JsonValue]
    queue: str
    status: str = Field(
        description="queued, scheduled (delayed), started, finished, failed, canceled, deferred or stopped.",
        examples=["finished"],
    )
    created_at: Instant
    enqueued_at: Instant | None
    started_at: Instant | None
    ended_at: Instant | None
    run_at: Instant | None = Field(description="When a delayed job is due.")
    attempt: int = Field(description="Attempts started so far.")
    max_attempts: int
    progress: ProgressView | None
    error: ErrorView | None
    worker: str | None
    tags: list[str]
    schedule: str | None
    tick: str | None
    links: LinksView


class JobView(JobSummary):
    """A job with its attempts and what it made."""

    attempts: list[AttemptView]
    artifacts: list[ArtifactView]


class JobsView(View):
    """A page of jobs, newest first."""

    jobs: list[JobSummary]
    next: str | None = Field(description="Where the next page is; null on the last.")


class ResultView(View):
    """What the task returned."""

    id: str
    result: JsonValue


class LogLineView(View):
    """One line that the task logged."""

    at: Instant
    attempt: int
    message: str
    fields: dict[str, JsonValue]


class LogView(View):
    """What the task logged, oldest first."""

    id: str
    lines: list[LogLineView]


class PauseView(View):
    """Why a queue starts nothing."""

    note: str
    at: Instant
    by: str


class QueueView(View):
    """The counts of a queue."""

    name: str
    waiting: int
    started: int
    scheduled: int
    failed: int
    finished: int
    oldest_wait: float | None = Field(description="Seconds that the next job has waited.")
    workers: int = Field(description="How many listen to it.")
    paused: PauseView | None


class QueuesView(View):
    """All queues."""

    queues: list[QueueView]


class EmptiedView(View):
    """What was done."""

    canceled: int


class WorkerView(View):
    """A worker."""

    name: str
    hostname: str
    pid: int
    state: str
    queues: list[str]
    current_job: str | None
    heartbeat: Instant | None
    started_at: Instant | None
    horses: int


class WorkersView(View):
    """All workers that live."""

    workers: list[WorkerView]


class FailureGroupView(View):
    """Dead letters that look alike."""

    fingerprint: str
    task: str
    error_type: str
    message: str = Field(description="Of the newest.")
    frame: str = Field(description="The line that raised.")
    count: int
    first_seen: Instant
    last_seen: Instant
    job_ids: list[str] = Field(description="The newest, at most 20.")


class FailuresView(View):
    """Dead letters in groups."""

    groups: list[FailureGroupView]


class AuditEntryView(View):
    """One act."""

    id: str
    at: Instant
    actor: str
    action: str
    subject: str
    detail: dict[str, JsonValue]


class AuditView(View):
    """A page of acts, newest first."""

    entries: list[AuditEntryView]
    next: str | None


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


class LiveView(View):
    """The process answers."""

    status: Literal["live"]


class ReadyView(View):
    """Work is moving."""

    status: Literal["ready"]
    checks: dict[str, bool]


class VersionView(View):
    """What is running."""

    release: str
    api: str = Field(examples=["v1"])


def _only_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a date and time as text, such as 2026-11-21T17:00:00+01:00")
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""A whole number, which JSON may spell 60 or 60.0."""
InputTime = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_only_text)]
QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", examples=["default"])]
PLAIN = r"^[^\x00-\x1f\x7f]*$"
Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=PLAIN)]
Pattern = Annotated[str, Field(pattern=r"^[a-z0-9_.*]{1,100}$")]
TEN_YEARS = 3660 * 86400


class UniqueInput(Input):
    """While a job like it exists, that job is the answer. Alike are jobs of the same task and arguments, or key."""

    until: Literal["started", "done", "window"] = Field(
        "done", description="Until the job has started, has ended in whatever way, or for `window` seconds."
    )
    key: str | None = Field(None, min_length=1, max_length=200, description="Instead of the arguments.")
    window: Annotated[int, Field(ge=1, le=LONGEST), WHOLE] = Field(LONGEST, description="Seconds.")


class NewJob(Input):
    """A job to be enqueued."""

    task: str = Field(min_length=1, max_length=200, examples=["images.thumbnail"])
    args: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="By name; GET /api/v1/tasks/{name} has their schema.",
        examples=[{"photo": "file_0123456789abcdef0123456789abcdef", "width": 320}],
    )
    queue: QueueName | None = Field(None, description="Instead of the task's own.")
    delay: float | None = Field(None, ge=0, le=TEN_YEARS, description="Seconds to wait; not together with run_at.")
    run_at: InputTime | None = Field(None, description="When to run; not together with delay.")
    timeout: Annotated[int, Field(ge=1, le=86400), WHOLE] | None = Field(
        None, description="Seconds an attempt may take."
    )
    retries: Annotated[int, Field(ge=0, le=100), WHOLE] | None = Field(
        None, description="How often a failing job is tried again."
    )
    tags: list[Tag] = Field(default_factory=list, max_length=16)
    unique: UniqueInput | None = None


class NewRetry(Input):
    """How to try again."""

    args: dict[str, JsonValue] | None = Field(None, description="Other arguments, for a new job.")


class NewPause(Input):
    """Why a queue is paused."""

    note: str = Field("", max_length=500)


class NewEmptying(Input):
    """A queue is emptied only by who types its name."""

    confirm: str


class NewToken(Input):
    """A token to be made."""

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


class FailuresQuery(Query):
    """Which dead letters."""

    task: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=64)


class AuditQuery(Query):
    """Which acts."""

    cursor: str | None = Field(None, pattern=r"^[1-9][0-9]{0,14}-[0-9]{1,15}$")
    limit: int = Field(50, ge=1, le=100)


class JobsQuery(Query):
    """Which jobs to list."""

    status: Literal["queued", "scheduled", "started", "finished", "failed", "canceled"] | None = None
    task: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=64)
    tag: str | None = Field(None, max_length=64)
    cursor: str | None = Field(None, max_length=200, description="From `next` of the page before.")
    limit: int = Field(50, ge=1, le=100)
