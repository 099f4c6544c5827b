"""Webhooks: other services hear what happens to jobs and schedules, signed as Standard Webhooks says."""

from pydantic import BaseModel
from werkzeug.wrappers import Response

from jobs import webhooks
from jobs.records import Job
from jobs.tokens import Scope
from jobs.webhooks import Webhook

from ..access import caller, needs
from ..answers import answers, nothing, show
from ..paging import following
from ..resource import resource
from ..schemas.webhooks import (
    DeliveriesQuery,
    DeliveriesView,
    DeliveryView,
    MadeWebhookView,
    NewSecretView,
    NewWebhook,
    SentView,
    WebhookChanges,
    WebhooksView,
    WebhookView,
)
from ..visible import may_hear, require_tasks, visible_webhook

api = resource("webhooks", __name__, __doc__)


class WebhookPath(BaseModel):
    """A webhook's id."""

    webhook_id: str


class DeliveryPath(WebhookPath):
    """A delivery of a webhook."""

    delivery_id: str


@api.get("/webhooks", responses={200: WebhooksView}, openapi_extensions=answers())
@needs(Scope.OPERATE)
def list_webhooks() -> Response:
    """List the webhooks, without their secrets."""
    found = [_view(one) for one in webhooks.all_webhooks() if may_hear(one.tasks)]
    return show(WebhooksView(webhooks=found))


@api.post(
    "/webhooks",
    responses={201: MadeWebhookView},
    openapi_extensions=answers(409, 413, 415, 422, headers={201: ("Location",)}),
)
@needs(Scope.ADMIN)
def create_webhook(body: NewWebhook) -> Response:
    """Make a webhook; its secret is in this answer and can never be read again."""
    require_tasks(body.tasks)
    made, secret = webhooks.create(by=caller().name, **body.model_dump())
    view = MadeWebhookView(**_view(made).model_dump(), secret=secret)
    return show(view, 201, {"Location": f"/api/v1/webhooks/{made.id}"})


@api.get("/webhooks/<webhook_id>", responses={200: WebhookView}, openapi_extensions=answers(404))
@needs(Scope.OPERATE)
def show_webhook(path: WebhookPath) -> Response:
    """Show a webhook."""
    return show(_view(visible_webhook(path.webhook_id)))


@api.patch("/webhooks/<webhook_id>", responses={200: WebhookView}, openapi_extensions=answers(404, 413, 415, 422))
@needs(Scope.ADMIN)
def change_webhook(path: WebhookPath, body: WebhookChanges) -> Response:
    """Change some fields of a webhook, or switch it on or off."""
    changes = body.model_dump(exclude_none=True)
    found = visible_webhook(path.webhook_id)
    require_tasks(changes.get("tasks", ()))
    return show(_view(webhooks.change(found.id, changes, by=caller().name) if changes else found))


@api.delete("/webhooks/<webhook_id>", responses={204: None}, openapi_extensions=answers(404))
@needs(Scope.ADMIN)
def delete_webhook(path: WebhookPath) -> Response:
    """Remove a webhook; what is still on its way is not sent."""
    webhooks.delete(visible_webhook(path.webhook_id).id, by=caller().name)
    return nothing()


@api.post("/webhooks/<webhook_id>/test", responses={202: SentView}, openapi_extensions=answers(404, 429))
@needs(Scope.OPERATE)
def test_webhook(path: WebhookPath) -> Response:
    """Send a `webhook.ping`, once; its delivery tells how that went."""
    return _sent(webhooks.ping(visible_webhook(path.webhook_id).id, by=caller().name))


@api.post("/webhooks/<webhook_id>/rotate", responses={200: NewSecretView}, openapi_extensions=answers(404))
@needs(Scope.ADMIN)
def rotate_webhook(path: WebhookPath) -> Response:
    """Make a new secret; for a day messages are signed with both."""
    return show(NewSecretView(secret=webhooks.rotate(visible_webhook(path.webhook_id).id, by=caller().name)))


@api.get(
    "/webhooks/<webhook_id>/deliveries",
    responses={200: DeliveriesView},
    openapi_extensions=answers(404, 422, headers={200: ("Link",)}),
)
@needs(Scope.OPERATE)
def list_deliveries(path: WebhookPath, query: DeliveriesQuery) -> Response:
    """List every attempt to deliver something, newest first; 1,000 are kept."""
    found = webhooks.list_deliveries(visible_webhook(path.webhook_id).id, query.cursor, query.limit)
    link, headers = following(found[-1].id if len(found) == query.limit else None)
    shown = [DeliveryView.model_validate(delivery) for delivery in found]
    return show(DeliveriesView(deliveries=shown, next=link), headers=headers)


@api.post(
    "/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
    responses={202: SentView},
    openapi_extensions=answers(404, 409, 413, 429),
)
@needs(Scope.OPERATE)
def redeliver(path: DeliveryPath) -> Response:
    """Send the same message again, with the same `webhook-id`."""
    found = visible_webhook(path.webhook_id)
    return _sent(webhooks.redeliver(found.id, path.delivery_id, by=caller().name))


def _view(found: Webhook) -> WebhookView:
    return WebhookView.model_validate(found)


def _sent(job: Job) -> Response:
    return show(SentView(job=job.id, event=str(job.args["event"])), 202)
