"""How it goes: one document for people, one for Prometheus."""

from datetime import UTC, datetime

from werkzeug.wrappers import Response

from jobs import monitor, queues, scaling, schedules
from jobs.tokens import Scope

from .. import metrics
from ..access import needs
from ..answers import answers, show
from ..resource import resource
from ..schemas.stats import ClockView, ScaleQuery, ScaleView, ServerView, StatsView
from ..visible import require_all_tasks
from .queues import queue_view

api = resource("stats", __name__, __doc__)
scraped = resource("metrics", __name__, __doc__, prefix=None)


@api.get("/stats", responses={200: StatsView}, openapi_extensions=answers())
@needs(Scope.READ)
def show_stats() -> Response:
    """Show queues, workers, clock, counters and the Redis server as they are now."""
    now, paused = datetime.now(UTC), queues.paused()
    return show(
        StatsView(
            at=now,
            queues=[queue_view(queue, paused) for queue in monitor.queues(now)],
            workers=len(monitor.workers()),
            clock=ClockView.model_validate(schedules.clock_status()),
            redis=ServerView.model_validate(monitor.server()),
        )
    )


@api.get("/stats/scale", responses={200: ScaleView}, openapi_extensions=answers(404, 422))
@needs(Scope.READ)
def show_scale(query: ScaleQuery) -> Response:
    """Tell how many workers would keep each queue within its target (QUEUE_LATENCY), for autoscalers."""
    return show(ScaleView.model_validate(scaling.scale(datetime.now(UTC), query.names)))


@scraped.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    openapi_extensions=answers(),
)
@needs(Scope.READ)
def show_metrics() -> Response:
    """Show the same in the text format of Prometheus; it names all tasks, so it is for tokens without patterns."""
    require_all_tasks()
    return Response(metrics.text(), content_type=metrics.CONTENT_TYPE)
