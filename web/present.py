"""Jobs as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from jobs import redaction
from jobs.files import File
from jobs.monitor import Attempt
from jobs.records import Job

from .schemas.jobs import ArtifactView, AttemptView, ErrorView, JobSummary, JobView, LinksView, ProgressView


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


def job_path(job_id: str) -> str:
    """Where a job is."""
    return f"/api/v1/jobs/{job_id}"


def artifact_path(job_id: str, name: str) -> str:
    """Where an artifact of a job is."""
    return f"{job_path(job_id)}/artifacts/{quote(name)}"


def _fields(job: Job) -> dict[str, object]:
    own = {name: getattr(job, name) for name in JobSummary.model_fields if name != "links"}
    here = job_path(job.id)
    return own | {
        "args": redaction.arguments(job.task, job.args),
        "tags": list(job.tags),
        "progress": ProgressView.model_validate(job.progress) if job.progress else None,
        "error": ErrorView.model_validate(job.error) if job.error else None,
        "links": LinksView(self=here, result=f"{here}/result", log=f"{here}/log"),
    }


def _artifact(job_id: str, name: str, file: File) -> ArtifactView:
    return ArtifactView(
        name=name,
        content_type=file.content_type,
        size=file.size,
        href=artifact_path(job_id, name),
    )
