"""The names of the Redis keys: RQ's own as RQ spells them, ours under `ns:`."""

from __future__ import annotations

QUEUES = "rq:queues"
WORKERS = "rq:workers"
JOBS = "ns:jobs"
QUARANTINE = "ns:quarantine"
PAUSED = "ns:paused"
AUDIT = "ns:audit"
TOKENS = "ns:tokens"
SWEEP = "ns:sweep"
SUSPECTS = "ns:suspects"
STATS = "ns:stats"
FULL = "ns:full"
STATS_TOTAL = "ns:stats:total"
STATS_ROLLED = "ns:stats:rolled"
DEPLOYS = "ns:deploys"


def job(job_id: str) -> str:
    """Hash: the record of a job, RQ's fields beside ours."""
    return f"rq:job:{job_id}"


def queue(name: str) -> str:
    """List: waiting job ids, the next one at the left."""
    return f"rq:queue:{name}"


def wake(queue_name: str) -> str:
    """List: at most one token, for an idle horse."""
    return f"ns:wake:{queue_name}"


def registry(kind: str, queue_name: str) -> str:
    """Sorted set of RQ: kind is wip, finished, failed, scheduled, canceled or deferred."""
    return f"rq:{kind}:{queue_name}"


def results(job_id: str) -> str:
    """Stream of RQ: one entry for each attempt that ended."""
    return f"rq:results:{job_id}"


def worker(name: str) -> str:
    """Hash of RQ: one supervisor."""
    return f"rq:worker:{name}"


def quarantined(job_id: str) -> str:
    """A record that could not be run, as it was found, of whatever type."""
    return f"ns:quarantine:{job_id}"


def log(job_id: str) -> str:
    """List: JSON lines that the task logged."""
    return f"ns:log:{job_id}"


def artifacts(job_id: str) -> str:
    """Hash: artifact name to file id."""
    return f"ns:artifacts:{job_id}"


def file(file_id: str) -> str:
    """Hash: what is known of a stored file."""
    return f"ns:file:{file_id}"


def file_bytes(file_id: str) -> str:
    """String: the bytes of a stored file."""
    return f"ns:file:{file_id}:data"


def token(token_id: str) -> str:
    """Hash: a token of the API, its secret only as a hash."""
    return f"ns:token:{token_id}"


def limit(who: str) -> str:
    """String: how much of an allowance is taken."""
    return f"ns:limit:{who}"


def stats_minute(minute: int) -> str:
    """Hash: what was counted in a minute (unix time / 60)."""
    return f"ns:stats:m:{minute}"


def stats_hour(hour: int) -> str:
    """Hash: what was counted in an hour (unix time / 3600)."""
    return f"ns:stats:h:{hour}"
