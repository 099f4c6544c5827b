"""Jobs: enqueue them, follow them, fetch what they made."""

from typing import Any

from flask import request
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from jobs import monitor
from jobs.redaction import redacted
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, etag_of, show, show_json, show_unless_known
from ..bodies import BATCH_BYTES, body_up_to
from ..intake import Accepted, accept, accept_all, replayed
from ..paging import following
from ..present import job_path, job_summary, job_view, new_job
from ..problems import Refused
from ..resource import resource
from ..schemas.asking import NewBatch, NewJob
from ..schemas.jobs import ENDED, BatchView, JobsQuery, JobsView, JobView, LogLineView, LogView, ResultView
from ..schemas.problems import Fault
from ..visible import visible_job, whole_view
from ..waiting import preferred_seconds, wait_until
from .files import download

api = resource("jobs", __name__, __doc__)

_POLL_AFTER = "1"


class JobPath(BaseModel):
    """A job's id."""

    job_id: str


class ArtifactPath(JobPath):
    """One artifact of a job."""

    name: str = Field(description="As in `artifacts` of the job.")


@api.post(
    "/jobs",
    responses={200: JobView, 202: JobView},
    openapi_extensions=answers(
        409,
        413,
        415,
        422,
        takes=("Prefer", "Idempotency-Key", "traceparent"),
        headers={200: ("Location", "Idempotency-Replayed"), 202: ("Location", "Retry-After")},
    ),
)
@needs(Scope.ENQUEUE)
def create_job(body: NewJob) -> Response:
    """Enqueue a job: 202 with its address; 200 when it existed already, or when the client waited and it has ended."""
    accepted = accept(body)
    headers = {"Location": job_path(accepted.job.id)}
    if _just_waits(accepted):
        return show_json(new_job(accepted.job), 202, headers | _retry_after())
    seen = _first_sight(accepted)
    if seen.has_ended or accepted.replayed:
        return show(seen, 200, headers | replayed(accepted))
    return show(seen, 202, headers | _retry_after())


@api.post(
    "/jobs/batch",
    responses={200: BatchView, 202: BatchView},
    openapi_extensions=answers(
        413, 415, 422, takes=("Idempotency-Key", "traceparent"), headers={200: ("Idempotency-Replayed",)}
    ),
)
@needs(Scope.ENQUEUE)
@body_up_to(BATCH_BYTES)
def create_batch(body: NewBatch) -> Response:
    """Enqueue up to 1,000 jobs, all or none; 200 when every one of them existed already."""
    accepted = accept_all(body)
    view = BatchView(jobs=[job_summary(one.job) for one in accepted])
    if all(one.replayed for one in accepted):
        return show(view, 200, {"Idempotency-Replayed": "true"})
    return show(view, 202)


@api.get("/jobs", responses={200: JobsView}, openapi_extensions=answers(422, headers={200: ("ETag", "Link")}))
@needs(Scope.READ)
def list_jobs(query: JobsQuery) -> Response:
    """List jobs, newest first, a page at a time."""
    page = _page(query)
    link, headers = following(page.next_cursor)
    shown = [job_summary(job) for job in page.jobs]
    return show_unless_known(JobsView(jobs=shown, next=link), headers)


@api.get(
    "/jobs/<job_id>",
    responses={200: JobView},
    openapi_extensions=answers(404, 410, takes=("Prefer", "If-None-Match"), headers={200: ("ETag", "Retry-After")}),
)
@needs(Scope.READ)
def show_job(path: JobPath) -> Response:
    """Show a job; with `Prefer: wait=N` when it has ended, or has changed since the given ETag."""
    seen = wait_until(_worth_showing, lambda: whole_view(visible_job(path.job_id)))
    return show_unless_known(seen, {} if seen.has_ended else _retry_after())


@api.get("/jobs/<job_id>/result", responses={200: ResultView}, openapi_extensions=answers(404, 409, 410))
@needs(Scope.READ)
def show_result(path: JobPath) -> Response:
    """Show what the task returned; 409 until the job has finished, 410 when the result is no longer kept."""
    job = visible_job(path.job_id)
    return show(ResultView(id=job.id, result=redacted(monitor.get_result(job.id))))


@api.get("/jobs/<job_id>/log", responses={200: LogView}, openapi_extensions=answers(404, 410))
@needs(Scope.READ)
def show_log(path: JobPath) -> Response:
    """Show what the task logged, oldest first; the newest 1,000 lines are kept."""
    job = visible_job(path.job_id)
    return show(LogView(id=job.id, lines=[_line(line) for line in monitor.log_lines(job.id)]))


@api.get(
    "/jobs/<job_id>/artifacts/<name>",
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
    openapi_extensions=answers(404, 410, 416, headers={200: ("Content-Disposition", "Accept-Ranges", "ETag")}),
)
@needs(Scope.READ)
def download_artifact(path: ArtifactPath) -> Response:
    """Download a file that the job made; ranges are served."""
    job = visible_job(path.job_id)
    file = monitor.artifact(job.id, path.name)
    if file is None:
        raise Refused(404, "artifact-missing", f"the job has no artifact {path.name!r}")
    return download(file, path.name)


def _just_waits(accepted: Accepted) -> bool:
    """Whether all that can be said of a job is known already: it is new, and neither it nor its client got further."""
    return not accepted.replayed and accepted.job.status not in ENDED and not preferred_seconds()


def _first_sight(accepted: Accepted) -> JobView:
    """What the client is shown of any other; of a new one that ran at once Redis has no more than we know."""
    if not accepted.replayed and not preferred_seconds():
        return job_view(accepted.job, (), {})
    return wait_until(
        lambda view: view.has_ended, lambda: whole_view(monitor.find_job(accepted.job.id) or accepted.job)
    )


def _worth_showing(view: JobView) -> bool:
    return view.has_ended or (bool(request.if_none_match) and not request.if_none_match.contains(etag_of(view)))


def _page(query: JobsQuery) -> monitor.Page:
    try:
        return monitor.list_jobs(**query.model_dump(), visible=caller().may_see)
    except ValueError:
        fault = Fault(parameter="cursor", detail="must come from `next` of the page before")
        raise Refused(422, "invalid-request", "the cursor is not one of ours", faults=[fault]) from None


def _line(line: dict[str, Any]) -> LogLineView:
    known = {name: line.pop(name) for name in ("at", "attempt", "message")}
    return LogLineView(**known, fields=redacted(line))


def _retry_after() -> dict[str, str]:
    return {"Retry-After": _POLL_AFTER}
