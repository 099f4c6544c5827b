"""Webhooks and their deliveries."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobs.webhooks import Event

from .base import PLAIN, Input, Instant, Pattern, Query, View, example

Address = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        pattern=r"^https?://[!-~]+$",
        description="Called with POST. Addresses inside our network are refused, unless OUTBOUND_ALLOW has them.",
        examples=["https://shop.example.com/nightshift"],
    ),
]
Events = Annotated[
    list[Annotated[Event, Field(strict=False)]],
    Field(
        min_length=1,
        max_length=len(Event),
        description="`job.failed` is an attempt that another one follows, `job.dead` the last one.",
    ),
]
Tasks = Annotated[
    list[Pattern],
    Field(min_length=1, max_length=50, description="Patterns of the tasks it hears of.", examples=[["mail.*"]]),
]
Description = Annotated[str, Field(max_length=200, pattern=PLAIN)]
WithTraceback = Annotated[bool, Field(description="Send tracebacks, too; they may hold what should stay inside.")]


class WebhookView(View):
    """A webhook, without its secret."""

    id: str
    url: str
    events: list[Event]
    tasks: list[str]
    description: str
    traceback: bool
    active: bool
    created_by: str
    created_at: Instant
    failures: int = Field(description="Failed attempts since the last success.")
    failing_since: Instant | None
    disabled_because: str | None = Field(description="Why it was switched off, when nobody did.")


class WebhooksView(View):
    """All webhooks."""

    webhooks: list[WebhookView]


class MadeWebhookView(WebhookView):
    """A webhook that was just made."""

    secret: str = Field(description="Verifies the signature (Standard Webhooks). It is shown only here.")


class NewSecretView(View):
    """A secret that was just made; for a day messages are signed with the one before, too."""

    secret: str


class NewWebhook(Input):
    """A webhook to be made."""

    model_config = example(
        url="https://shop.example.com/nightshift", events=["job.finished", "job.dead"], tasks=["mail.*"]
    )

    url: Address
    events: Events
    tasks: Tasks = Field(default_factory=lambda: ["*"])
    description: Description = ""
    traceback: WithTraceback = False


class WebhookChanges(Input):
    """What is to be different."""

    model_config = example(active=True, events=["job.dead"])

    url: Address | None = None
    events: Events | None = None
    tasks: Tasks | None = None
    description: Description | None = None
    traceback: WithTraceback | None = None
    active: bool | None = Field(None, description="One that is switched on again starts without the failures it had.")


class DeliveryView(View):
    """One attempt to deliver an event."""

    id: str
    at: Instant
    event: str = Field(description="The `webhook-id`, the same in every attempt.")
    type: str
    job: str = Field(description="The job that tried it.")
    attempt: int
    delivered: bool
    status: int | None = Field(description="Of the answer; null when there was none.")
    duration: float = Field(description="Seconds.")
    error: str
    response: str = Field(description="The first 1,024 bytes of the answer.")


class DeliveriesView(View):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryView]
    next: str | None


class SentView(View):
    """A message that is on its way."""

    job: str
    event: str = Field(description="What the delivery will be listed under.")


class DeliveriesQuery(Query):
    """Which deliveries."""

    cursor: str | None = Field(None, pattern=r"^[1-9][0-9]{0,14}-[0-9]{1,15}$")
    limit: int = Field(50, ge=1, le=100)
