"""The same act on many jobs: look first, then let a job do it."""

from itertools import islice

from werkzeug.wrappers import Response

from jobs import bulk, monitor
from jobs.dispatch import JobRequest, submit
from jobs.settings import current_settings
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, show
from ..present import job_path, job_view
from ..problems import Refused
from ..schemas.asking import NewBulk
from ..schemas.jobs import BulkView, JobView
from ..schemas.problems import Fault
from .jobs import api  # the same blueprint: flask-openapi keeps one entry for each path of a blueprint

_LOOKED_AT = 10_000
_SAMPLE = 20


@api.post(
    "/jobs/bulk",
    responses={200: BulkView, 202: JobView},
    openapi_extensions=answers(413, 415, 422, headers={202: ("Location",)}),
)
@needs(Scope.OPERATE)
def act_on_many(body: NewBulk) -> Response:
    """Count the jobs that fit (`dry_run`, the default); else retry, cancel or delete them all, as a job to follow."""
    _require_fitting(body)
    choice = bulk.Choice(**body.filter.model_dump(), tasks=list(caller().tasks))
    if body.dry_run:
        ids = list(islice(bulk.chosen(choice), _LOOKED_AT))
        return show(BulkView(matched=len(ids), more=len(ids) == _LOOKED_AT, sample=ids[:_SAMPLE]))
    args = {"action": body.action, "choice": choice.model_dump(), "by": caller().name}
    job = submit(JobRequest(task=bulk.NAME, args=args, queue=current_settings().queues[0]))
    return show(job_view(job, (), {}), 202, {"Location": job_path(job.id)})


def _require_fitting(body: NewBulk) -> None:
    """A filter that the act can never be for is refused, rather than counted and passed over job by job."""
    fits = [status for status in monitor.STATUSES if status in bulk.FITS[body.action]]
    if body.filter.status not in fits:
        said = f"is {body.filter.status}, but {body.action} is for jobs that are {', '.join(fits[:-1])} or {fits[-1]}"
        fault = Fault(pointer="#/filter/status", detail=said)
        raise Refused(422, "invalid-request", "the act can be done to no job that fits", faults=[fault])
