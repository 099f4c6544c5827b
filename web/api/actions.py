"""What is done to a job: try again, cancel, delete."""

import secrets
from contextlib import suppress
from typing import Any

from werkzeug.wrappers import Response

from jobs import audit, control
from jobs.dispatch import JobRequest
from jobs.errors import JobMissing
from jobs.records import Job
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, nothing, show
from ..intake import Accepted, fingerprint, idempotency_key, replayed, submit
from ..present import job_path
from ..schemas.asking import NewRetry
from ..schemas.jobs import JobView
from ..visible import visible_job, whole_view
from .jobs import JobPath, api  # the same blueprint: flask-openapi keeps one entry for each path of a blueprint

_ACCEPTED = {202: ("Location",)}


@api.post(
    "/jobs/<job_id>/retry",
    responses={202: JobView},
    openapi_extensions=answers(
        404,
        409,
        410,
        413,
        415,
        422,
        takes=("Idempotency-Key",),
        headers={202: ("Location", "Idempotency-Replayed")},
    ),
)
@needs(Scope.OPERATE)
def retry_job(path: JobPath, body: NewRetry) -> Response:
    """Try a dead letter, a stopped or a canceled job again; with `args` a new job that is tagged `retry-of:<id>`."""
    job = visible_job(path.job_id)
    again = _once_more(job, body) if body.args is None else _with_other_args(job, body)
    if not again.replayed:
        audit.note(caller().name, "job.retry", job.id, job=again.job.id)
    return show(whole_view(again.job), 202, {"Location": job_path(again.job.id)} | replayed(again))


def _once_more(job: Job, body: NewRetry) -> Accepted:
    is_new = control.requeue_once(job.id, key=idempotency_key() or "", fingerprint=fingerprint(body, about=job.id))
    return Accepted(visible_job(job.id), replayed=not is_new)


def _with_other_args(job: Job, body: NewRetry) -> Accepted:
    kept: dict[str, Any] = {name: getattr(job, name) for name in ("task", "queue", "timeout", "priority")}
    wanted = JobRequest(
        **kept,
        args=body.args or {},
        tags=(*job.tags, f"retry-of:{job.id}"),
        job_id=secrets.token_hex(16),
        idempotency_key=idempotency_key(),
        fingerprint=fingerprint(body, about=job.id),
    )
    made = submit(wanted)
    return Accepted(made, replayed=made.id != wanted.job_id)


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
    with suppress(JobMissing):  # gone in this very moment, by our own call if its reply was lost
        control.delete(job.id)
    audit.note(caller().name, "job.delete", job.id, task=job.task)
    return nothing()
