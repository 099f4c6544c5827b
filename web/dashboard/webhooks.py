"""Webhooks: who is told what happens, whether it arrives, and sending it again."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, flash, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from jobs import webhooks as core
from jobs.errors import DeliveryMissing, WebhookConflict, WebhookRefused
from jobs.webhooks import Event
from web.problems import Refused
from web.schemas.webhooks import NewWebhook
from web.visible import may_hear, require_tasks, visible_webhook

from . import sessions
from .actions import back
from .formats import sentence
from .rendering import page

_LIMIT = 50
_ID = re.compile(r"\d{1,20}-\d{1,20}")
_MEANINGS = {
    Event.FINISHED: "a job has finished",
    Event.FAILED: "an attempt failed and another one follows",
    Event.DEAD: "a job has become a dead letter",
    Event.MISSED: "ticks of a schedule will not run",
}


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/webhooks")(webhooks)
    pages.post("/webhooks")(create_webhook)
    pages.get("/webhooks/<webhook_id>")(webhook)
    pages.post("/webhooks/<webhook_id>/test")(test_webhook)
    pages.post("/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver")(redeliver)
    pages.post("/webhooks/<webhook_id>/switch")(switch_webhook)
    pages.post("/webhooks/<webhook_id>/rotate")(rotate_webhook)
    pages.post("/webhooks/<webhook_id>/delete")(delete_webhook)


def webhooks() -> Response:
    """Every webhook, and the form for a new one."""
    return _page()


def create_webhook() -> Response:
    """Make a webhook. Its secret is in this answer only: neither in a cookie nor in an address."""
    try:
        asked = NewWebhook.model_validate(_filled())
        require_tasks(asked.tasks)
        made, secret = core.create(by=sessions.actor(), **asked.model_dump())
    except ValidationError as error:
        return _page(problem=_first(error), status=422)
    except (Refused, WebhookRefused, WebhookConflict) as error:
        return _page(problem=sentence(error), status=422)
    return _page(made=secret, name=made.url)


def webhook(webhook_id: str) -> Response:
    """One webhook and its deliveries, a page at a time."""
    return _shown(webhook_id)


def test_webhook(webhook_id: str) -> AnyResponse:
    """Send a ping."""
    core.ping(visible_webhook(webhook_id).id, by=sessions.actor())
    flash("A ping is on its way.", "good")
    return back(f"/webhooks/{webhook_id}")


def redeliver(webhook_id: str, delivery_id: str) -> AnyResponse:
    """Send a message again."""
    found = visible_webhook(webhook_id)
    try:
        core.redeliver(found.id, delivery_id, by=sessions.actor())
    except (DeliveryMissing, WebhookConflict) as error:
        flash(sentence(error), "warn")
    else:
        flash("The message is on its way again.", "good")
    return back(f"/webhooks/{webhook_id}")


def switch_webhook(webhook_id: str) -> AnyResponse:
    """Switch a webhook on or off."""
    active = request.form.get("active") == "1"
    core.change(visible_webhook(webhook_id).id, {"active": active}, by=sessions.actor())
    flash("The webhook is on." if active else "The webhook is off: it hears nothing.", "good")
    return back(f"/webhooks/{webhook_id}")


def rotate_webhook(webhook_id: str) -> Response:
    """Make a new secret, which is in this answer only."""
    return _shown(webhook_id, made=core.rotate(visible_webhook(webhook_id).id, by=sessions.actor()))


def delete_webhook(webhook_id: str) -> AnyResponse:
    """Remove a webhook."""
    core.delete(visible_webhook(webhook_id).id, by=sessions.actor())
    flash("The webhook is removed.", "good")
    return back("/webhooks")


def _page(*, made: str = "", name: str = "", problem: str = "", status: int = 200) -> Response:
    return page(
        "webhooks.html",
        section="dashboard.webhooks",
        living=False,
        status=status,
        webhooks=[one for one in core.all_webhooks() if may_hear(one.tasks)],
        meanings=_MEANINGS,
        made=made,
        name=name,
        problem=problem,
        filled=request.form,
    )


def _shown(webhook_id: str, made: str = "") -> Response:
    before = request.args.get("before")
    if before is not None and not _ID.fullmatch(before):
        abort(400, "this address has a cursor that does not exist")
    found = visible_webhook(webhook_id)
    listed = core.list_deliveries(found.id, before, _LIMIT)
    older = url_for("dashboard.webhook", webhook_id=found.id, before=listed[-1].id) if len(listed) == _LIMIT else None
    return page(
        "webhook.html",
        section="dashboard.webhooks",
        living=not made,
        active=True,
        webhook=found,
        meanings=_MEANINGS,
        deliveries=listed,
        made=made,
        older=older,
        before=before,
    )


def _filled() -> dict[str, object]:
    """The form as the API would be asked."""
    tasks = [pattern.strip() for pattern in request.form.get("tasks", "").split(",") if pattern.strip()]
    return {
        "url": request.form.get("url", "").strip(),
        "events": request.form.getlist("event"),
        "tasks": tasks or ["*"],
        "description": request.form.get("description", "").strip(),
        "traceback": "traceback" in request.form,
    }


def _first(error: ValidationError) -> str:
    name = str(error.errors()[0]["loc"][0])
    return {
        "url": "The address must begin with http:// or https:// and have no spaces.",
        "events": "Choose at least one event.",
        "tasks": "Tasks are patterns such as mail.*, separated by commas.",
    }.get(name, "The description is one line of at most 200 characters.")
