"""Jobs as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from urllib.parse import quote

from pydantic_core import to_json

from jobs import redaction
from jobs.files import File
from jobs.monitor import Attempt
from jobs.records import Job

from .schemas.jobs import ArtifactView, AttemptView, ErrorView, JobSummary, JobView, ProgressView

_MADE = {"args", "tags", "progress", "error", "links"}
_PLAIN = tuple(name for name in JobSummary.model_fields if name not in _MADE)
_plain = attrgetter(*_PLAIN)
_IN_ORDER = dict.fromkeys(JobSummary.model_fields)
_NOTHING_YET: dict[str, object] = {"attempts": [], "artifacts": []}


def job_summary(job: Job) -> JobSummary:
    """A job as lists show it."""
    return JobSummary.model_validate(_fields(job))


def job_view(job: Job, attempts: Iterable[Attempt], artifacts: Mapping[str, File]) -> JobView:
    """A job with its attempts and artifacts."""
    return JobView.model_validate(
        _fields(job)
        | {
            "attempts": [AttemptView.model_validate(attempt) for attempt in attempts],
            "artifacts": [_artifact(job.id, name, file) for name, file in artifacts.items()],
        }
    )


def new_job(job: Job) -> bytes:
    """A job that was just accepted, as JSON: what `job_view` gives, of values that are ours and need no check."""
    return to_json(_fields(job) | _NOTHING_YET, inf_nan_mode="null")


def job_path(job_id: str) -> str:
    """Where a job is."""
    return f"/api/v1/jobs/{job_id}"


def artifact_path(job_id: str, name: str) -> str:
    """Where an artifact of a job is."""
    return f"{job_path(job_id)}/artifacts/{quote(name)}"


def _fields(job: Job) -> dict[str, object]:
    here = job_path(job.id)
    fields: dict[str, object] = {**_IN_ORDER}  # so that a new job reads as it will when it is asked for
    fields.update(zip(_PLAIN, _plain(job), strict=True))
    fields["args"] = redaction.arguments(job.task, job.args)
    fields["tags"] = list(job.tags)
    fields["progress"] = ProgressView.model_validate(job.progress) if job.progress else None
    fields["error"] = ErrorView.model_validate(job.error) if job.error else None
    fields["links"] = {"self": here, "result": f"{here}/result", "log": f"{here}/log"}
    return fields


def _artifact(job_id: str, name: str, file: File) -> ArtifactView:
    return ArtifactView(
        name=name,
        content_type=file.content_type,
        size=file.size,
        href=artifact_path(job_id, name),
    )
