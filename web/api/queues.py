"""Queues: how full they are; pause, resume, empty."""

from datetime import UTC, datetime

from pydantic import BaseModel
from werkzeug.wrappers import Response

from jobs import monitor, queues
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, nothing, show
from ..problems import Refused
from ..resource import resource
from ..schemas.operations import EmptiedView, NewEmptying, NewPause, PauseView, QueuesView, QueueView
from ..schemas.problems import Fault
from ..visible import require_all_tasks

api = resource("queues", __name__, __doc__)


class QueuePath(BaseModel):
    """A queue's name."""

    queue: str


@api.get("/queues", responses={200: QueuesView}, openapi_extensions=answers())
@needs(Scope.READ)
def list_queues() -> Response:
    """List the queues with their counts."""
    paused = queues.paused()
    return show(QueuesView(queues=[queue_view(queue, paused) for queue in monitor.queues(datetime.now(UTC))]))


@api.post("/queues/<queue>/pause", responses={204: None}, openapi_extensions=answers(404, 415, 422))
@needs(Scope.OPERATE)
def pause_queue(path: QueuePath, body: NewPause) -> Response:
    """Start no more jobs of a queue, within a few seconds; those that run go on, and new ones are accepted."""
    queues.require(path.queue)
    queues.pause(path.queue, note=body.note, by=caller().name)
    return nothing()


@api.post("/queues/<queue>/resume", responses={204: None}, openapi_extensions=answers(404))
@needs(Scope.OPERATE)
def resume_queue(path: QueuePath) -> Response:
    """Start jobs of a queue again."""
    queues.require(path.queue)
    queues.resume(path.queue, by=caller().name)
    return nothing()


@api.post("/queues/<queue>/empty", responses={200: EmptiedView}, openapi_extensions=answers(404, 415, 422))
@needs(Scope.OPERATE)
def empty_queue(path: QueuePath, body: NewEmptying) -> Response:
    """Cancel every job that waits in a queue; `confirm` must be its name. Not for a token with task patterns."""
    require_all_tasks()
    queues.require(path.queue)
    if body.confirm != path.queue:
        fault = Fault(pointer="#/confirm", detail="must be the name of the queue")
        raise Refused(422, "not-confirmed", "nothing was done", faults=[fault])
    return show(EmptiedView(canceled=queues.empty(path.queue, by=caller().name)))


def queue_view(queue: monitor.QueueView, paused: dict[str, queues.Pause]) -> QueueView:
    """A queue as the API shows it."""
    pause = paused.get(queue.name)
    counts = {name: getattr(queue, name) for name in QueueView.model_fields if name != "paused"}
    return QueueView(**counts, paused=PauseView.model_validate(pause) if pause else None)
