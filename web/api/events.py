"""Changes as they happen: Server-Sent Events."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import BoundedSemaphore

from flask import Flask, Response, current_app, request
from werkzeug.wrappers import Response as AnyResponse

from jobs import monitor, queues
from jobs.tokens import Scope

from .. import streaming
from ..access import needs
from ..answers import answers, etag_of
from ..problems import Refused
from ..resource import resource
from ..schemas.jobs import EventsQuery
from ..schemas.operations import QueuesView
from ..streaming import Update
from ..visible import visible_job, whole_view
from .queues import queue_view

api = resource("events", __name__, __doc__)

_PLACES = "nightshift.streams"


def install(app: Flask, threads: int) -> None:
    """Let streams hold at most a quarter of the threads."""
    app.extensions[_PLACES] = BoundedSemaphore(max(1, threads // 4))


@api.get(
    "/events",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    openapi_extensions=answers(404, 410, 422, takes=("Last-Event-ID",)),
)
@needs(Scope.READ)
def stream_events(query: EventsQuery) -> AnyResponse:
    """Stream a job whenever it changes, until it has ended; without `job` the counts of the queues. Ends after 50 s.

    Server-Sent Events: `event: job` with a JobView as `data`, or `event: queues` with a QueuesView. Connect again with
    the last `id` in Last-Event-ID, as browsers do by themselves: what was seen is not sent again.
    """
    look = _job(query.job) if query.job else _queues
    look()  # what is wrong is answered as a problem, before the stream begins
    places: BoundedSemaphore = current_app.extensions[_PLACES]
    if not places.acquire(blocking=False):
        raise Refused(503, "too-many-streams", "too many streams are open; poll, or come back", retry_after=5)
    body = streaming.events(look, last_seen=request.headers.get("Last-Event-ID"))
    response = Response(body, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
    response.call_on_close(places.release)
    return response


def _job(job_id: str) -> Callable[[], Update]:
    job = visible_job(job_id)

    def look() -> Update:
        view = whole_view(monitor.get_job(job.id))
        return Update("job", etag_of(view), view.model_dump_json(), last=view.has_ended)

    return look


def _queues() -> Update:
    paused = queues.paused()
    view = QueuesView(queues=[queue_view(queue, paused) for queue in monitor.queues(datetime.now(UTC))])
    timeless = view.model_copy(update={"queues": [one.model_copy(update={"oldest_wait": None}) for one in view.queues]})
    return Update("queues", etag_of(timeless), view.model_dump_json())
