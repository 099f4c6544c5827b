"""Schedules: what is enqueued when; edit, pause, run now, backfill."""

from flask import request
from pydantic import BaseModel
from werkzeug.wrappers import Response

from jobs import redaction, schedules
from jobs.errors import ScheduleConflict
from jobs.schedules import ScheduleView as CoreView
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, etag_of, nothing, show, show_unless_known
from ..intake import idempotency_key
from ..paging import following
from ..present import job_path
from ..problems import Refused
from ..resource import resource
from ..schemas.operations import NewPause
from ..schemas.schedules import (
    BackfillingView,
    HistoryQuery,
    HistoryView,
    NewBackfill,
    NewPreview,
    NewResumption,
    NewSchedule,
    PreviewView,
    ScheduleChanges,
    SchedulesQuery,
    SchedulesView,
    ScheduleView,
    TickView,
)
from ..visible import visible_schedule

api = resource("schedules", __name__, __doc__)


class SchedulePath(BaseModel):
    """A schedule's name."""

    schedule_id: str


@api.get("/schedules", responses={200: SchedulesView}, openapi_extensions=answers(422, headers={200: ("Link",)}))
@needs(Scope.READ)
def list_schedules(query: SchedulesQuery) -> Response:
    """List the schedules by name, a page at a time."""
    found = schedules.list_schedules(query.cursor, query.limit)
    link, headers = following(found[-1].id if len(found) == query.limit else None)
    shown = [_view(one) for one in found if caller().may_use(one.task)]
    return show(SchedulesView(schedules=shown, next=link), headers=headers)


@api.post(
    "/schedules",
    responses={201: ScheduleView},
    openapi_extensions=answers(409, 413, 415, 422, headers={201: ("Location", "ETag")}),
)
@needs(Scope.ADMIN)
def create_schedule(body: NewSchedule) -> Response:
    """Make a schedule that no code declares."""
    _require_task(body.task)
    made = schedules.create(_fields(body), actor=caller().name)
    return _shown(made, 201, {"Location": f"/api/v1/schedules/{made.id}"})


@api.post("/schedules/preview", responses={200: PreviewView}, openapi_extensions=answers(413, 415, 422))
@needs(Scope.READ)
def preview_schedule(body: NewPreview) -> Response:
    """Say what a definition would do: in words, and its next ticks. Nothing is saved."""
    _require_task(body.task)
    seen = schedules.preview(_fields(body))
    return show(PreviewView(words=seen.words, ticks=list(seen.ticks)))


@api.get(
    "/schedules/<schedule_id>", responses={200: ScheduleView}, openapi_extensions=answers(404, headers={200: ("ETag",)})
)
@needs(Scope.READ)
def show_schedule(path: SchedulePath) -> Response:
    """Show a schedule with its next ticks; its ETag is what PATCH asks for."""
    view = _view(visible_schedule(path.schedule_id))
    return show_unless_known(view, etag=_etag(view))


@api.patch(
    "/schedules/<schedule_id>",
    responses={200: ScheduleView},
    openapi_extensions=answers(404, 409, 412, 413, 415, 422, 428, takes=("If-Match",), headers={200: ("ETag",)}),
)
@needs(Scope.ADMIN)
def edit_schedule(path: SchedulePath, body: ScheduleChanges) -> Response:
    """Change some fields of a schedule; If-Match must have its ETag, so that no change of another is overwritten."""
    found = visible_schedule(path.schedule_id)
    revision = _expected_revision(found)
    _require_task(body.task or found.task)
    try:
        return _shown(schedules.edit(found.id, _fields(body), actor=caller().name, revision=revision))
    except ScheduleConflict as error:
        raise Refused(412, "changed-meanwhile", str(error)) from None


@api.delete("/schedules/<schedule_id>", responses={204: None}, openapi_extensions=answers(404, 409))
@needs(Scope.ADMIN)
def remove_schedule(path: SchedulePath) -> Response:
    """Remove a schedule; one that the code declares can only be disabled."""
    schedules.remove(visible_schedule(path.schedule_id).id, actor=caller().name)
    return nothing()


@api.get("/schedules/<schedule_id>/history", responses={200: HistoryView}, openapi_extensions=answers(404, 422))
@needs(Scope.READ)
def show_history(path: SchedulePath, query: HistoryQuery) -> Response:
    """Show what became of the last ticks, newest first."""
    entries = schedules.history(visible_schedule(path.schedule_id).id, query.limit)
    return show(HistoryView(entries=[TickView.model_validate(entry) for entry in entries]))


@api.post(
    "/schedules/<schedule_id>/run",
    responses={202: None},
    openapi_extensions=answers(404, 409, takes=("Idempotency-Key",), headers={202: ("Location",)}),
)
@needs(Scope.OPERATE)
def run_schedule(path: SchedulePath) -> Response:
    """Enqueue its job once, besides its ticks; Location is the job."""
    found = visible_schedule(path.schedule_id)
    job_id = schedules.run_now(found.id, actor=caller().name, key=idempotency_key())
    return Response(status=202, headers={"Location": job_path(job_id)})


@api.post("/schedules/<schedule_id>/pause", responses={204: None}, openapi_extensions=answers(404, 415, 422))
@needs(Scope.OPERATE)
def pause_schedule(path: SchedulePath, body: NewPause) -> Response:
    """Keep back its ticks until it is resumed."""
    schedules.pause(visible_schedule(path.schedule_id).id, note=body.note, actor=caller().name)
    return nothing()


@api.post("/schedules/<schedule_id>/resume", responses={204: None}, openapi_extensions=answers(404, 409, 415, 422))
@needs(Scope.OPERATE)
def resume_schedule(path: SchedulePath, body: NewResumption) -> Response:
    """End a pause; what was kept back is missed, or with `catch_up` late."""
    schedules.resume(visible_schedule(path.schedule_id).id, actor=caller().name, catch_up=body.catch_up)
    return nothing()


@api.post(
    "/schedules/<schedule_id>/backfill",
    responses={202: BackfillingView},
    openapi_extensions=answers(404, 409, 415, 422),
)
@needs(Scope.OPERATE)
def backfill_schedule(path: SchedulePath, body: NewBackfill) -> Response:
    """Enqueue the jobs of past ticks, from `start` to `end`, at a rate."""
    schedule = visible_schedule(path.schedule_id)
    ticks = schedules.backfill(schedule.id, body.start, body.end, actor=caller().name, per_minute=body.per_minute)
    return show(BackfillingView(ticks=ticks), 202)


@api.delete("/schedules/<schedule_id>/backfill", responses={204: None}, openapi_extensions=answers(404))
@needs(Scope.OPERATE)
def end_backfill(path: SchedulePath) -> Response:
    """Stop a backfill; the jobs it has enqueued stay."""
    schedules.end_backfill(visible_schedule(path.schedule_id).id, actor=caller().name)
    return nothing()


def _require_task(name: str) -> None:
    if not caller().may_use(name):
        raise Refused(403, "forbidden", f"this token may not use the task {name!r}")


def _fields(body: ScheduleChanges) -> dict[str, object]:
    return {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}


def _view(found: CoreView) -> ScheduleView:
    view = ScheduleView.model_validate(found)
    return view.model_copy(update={"args": redaction.arguments(found.task, found.args)})


def _shown(found: CoreView, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    view = _view(found)
    return show(view, status, {**(headers or {}), "ETag": f'"{_etag(view)}"'})


def _etag(view: ScheduleView) -> str:
    """The revision tells whether it was edited; the rest whether anything else is new, such as the next tick."""
    return f"{view.revision}-{etag_of(view)}"


def _expected_revision(found: CoreView) -> int:
    if not request.if_match:
        raise Refused(428, "precondition-required", "send the ETag of the schedule as If-Match")
    known = {tag.partition("-")[0] for tag in request.if_match.as_set()}
    if not request.if_match.star_tag and str(found.revision) not in known:
        raise Refused(412, "changed-meanwhile", f"schedule {found.id!r} has been changed: read it again")
    return found.revision
