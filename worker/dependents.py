"""Jobs of plain RQ that wait for another job."""

from __future__ import annotations

from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from jobs.connection import Client, translate_errors


def release_dependents(client: Client, job_id: str) -> None:
    """Enqueue what was deferred until this job has ended, by RQ's own code."""
    with translate_errors():
        job = RqJob.fetch(job_id, connection=client, serializer=JSONSerializer)
        Queue(job.origin, connection=client, serializer=JSONSerializer).enqueue_dependents(job)
