"""Workers, dead letters in groups, and who did what."""

from pydantic import BaseModel
from werkzeug.wrappers import Response

from jobs import audit, failures, monitor, workers
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, show
from ..paging import following
from ..resource import resource
from ..schemas.operations import (
    AuditEntryView,
    AuditQuery,
    AuditView,
    FailureGroupView,
    FailuresQuery,
    FailuresView,
    WorkersView,
    WorkerView,
)

api = resource("operations", __name__, __doc__)


class WorkerPath(BaseModel):
    """A worker's name."""

    name: str


@api.get("/workers", responses={200: WorkersView}, openapi_extensions=answers())
@needs(Scope.READ)
def list_workers() -> Response:
    """List the workers and what they do."""
    return show(WorkersView(workers=[_worker(worker) for worker in monitor.workers()]))


@api.post("/workers/<name>/stop", responses={202: None}, openapi_extensions=answers(404))
@needs(Scope.OPERATE)
def stop_worker(path: WorkerPath) -> Response:
    """Stop a worker: it takes no more jobs, puts back what has not ended within SHUTDOWN_GRACE, and exits."""
    workers.stop(path.name, by=caller().name)
    return Response(status=202)


@api.post("/workers/<name>/drain", responses={202: None}, openapi_extensions=answers(404))
@needs(Scope.OPERATE)
def drain_worker(path: WorkerPath) -> Response:
    """Drain a worker: it takes no more jobs, ends those that it runs, however long they take, and exits."""
    workers.drain(path.name, by=caller().name)
    return Response(status=202)


@api.get("/failures", responses={200: FailuresView}, openapi_extensions=answers(422))
@needs(Scope.READ)
def list_failures(query: FailuresQuery) -> Response:
    """List the newest 1,000 dead letters in groups of the same task, exception and line, the largest first."""
    found = failures.groups(query.task, query.queue)
    return show(FailuresView(groups=[FailureGroupView.model_validate(g) for g in found if caller().may_use(g.task)]))


@api.get("/audit", responses={200: AuditView}, openapi_extensions=answers(422, headers={200: ("Link",)}))
@needs(Scope.ADMIN)
def list_audit(query: AuditQuery) -> Response:
    """List who did what, newest first."""
    found = audit.entries(query.cursor, query.limit)
    link, headers = following(found[-1].id if len(found) == query.limit else None)
    return show(AuditView(entries=[AuditEntryView.model_validate(e) for e in found], next=link), headers=headers)


def _worker(worker: monitor.WorkerView) -> WorkerView:
    """What runs is shown only to who may see every job."""
    view = WorkerView.model_validate(worker)
    return view if caller().sees_all else view.model_copy(update={"current_job": None})
