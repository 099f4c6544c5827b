"""Jobs of plain RQ that wait for another job."""

from __future__ import annotations

from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from jobs import logs
from jobs.connection import Client, translate_errors
from jobs.errors import RedisUnavailable

log = logs.get_logger(__name__)


def release_dependents(client: Client, job_id: str) -> None:
    """Enqueue what was deferred until this job has ended, by RQ's own code; a failure is logged, as RQ does."""
    try:
        with translate_errors():
            job = RqJob.fetch(job_id, connection=client, serializer=JSONSerializer)
            Queue(job.origin, connection=client, serializer=JSONSerializer).enqueue_dependents(job)
    except (RedisUnavailable, NoSuchJobError) as error:
        log.warning("Jobs that wait for this one were not enqueued", job_id=job_id, error=str(error))
