"""What is done to a job: try again, cancel, delete."""

from typing import Any

from werkzeug.wrappers import Response

from jobs import audit, control
from jobs.dispatch import JobRequest
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, nothing, show
from ..intake import submit
from ..present import job_path
from ..schemas.asking import NewRetry
from ..schemas.jobs import JobView
from ..visible import visible_job, whole_view
from .jobs import JobPath, api  # the same blueprint: flask-openapi keeps one entry for each path of a blueprint

_ACCEPTED = {202: ("Location",)}


@api.post(
    "/jobs/<job_id>/retry",
    responses={202: JobView},
    openapi_extensions=answers(404, 409, 410, 413, 415, 422, headers=_ACCEPTED),
)
@needs(Scope.OPERATE)
def retry_job(path: JobPath, body: NewRetry) -> Response:
    """Try a dead letter, a stopped or a canceled job again; with `args` a new job that is tagged `retry-of:<id>`."""
    job = visible_job(path.job_id)
    if body.args is None:
        control.requeue(job.id)
        again = visible_job(job.id)
    else:
        tags = (*job.tags, f"retry-of:{job.id}")
        kept: dict[str, Any] = {name: getattr(job, name) for name in ("task", "queue", "timeout", "priority")}
        again = submit(JobRequest(**kept, args=body.args, tags=tags))
    audit.note(caller().name, "job.retry", job.id, job=again.id)
    return show(whole_view(again), 202, {"Location": job_path(again.id)})


@api.post(
    "/jobs/<job_id>/cancel", responses={202: JobView}, openapi_extensions=answers(404, 409, 410, headers=_ACCEPTED)
)
@needs(Scope.OPERATE)
def cancel_job(path: JobPath) -> Response:
    """Cancel a job: one that waits at once; a running one is interrupted, cleans up and is canceled then."""
    job = visible_job(path.job_id)
    control.cancel(job.id)
    audit.note(caller().name, "job.cancel", job.id)
    return show(whole_view(visible_job(job.id)), 202, {"Location": job_path(job.id)})


@api.delete("/jobs/<job_id>", responses={204: None}, openapi_extensions=answers(404, 409, 410))
@needs(Scope.OPERATE)
def delete_job(path: JobPath) -> Response:
    """Delete a job with its result, log and attempts; 409 while it runs."""
    job = visible_job(path.job_id)
    control.delete(job.id)
    audit.note(caller().name, "job.delete", job.id, task=job.task)
    return nothing()
