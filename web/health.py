"""Whether the process lives, whether work moves, and what is running."""

from datetime import UTC, datetime

from werkzeug.wrappers import Response

from jobs import health
from jobs.settings import current_settings

from .access import public
from .answers import answers, show
from .problems import Refused
from .resource import resource
from .schemas.health import LiveView, ReadyView, VersionView

api = resource("health", __name__, __doc__, prefix=None)


@api.get("/livez", responses={200: LiveView}, openapi_extensions=answers())
@public
def live() -> Response:
    """Say that this process answers; looks at nothing else, so that an outage of Redis restarts nobody."""
    return show(LiveView(status="live"))


@api.get("/readyz", responses={200: ReadyView}, openapi_extensions=answers())
@public
def ready() -> Response:
    """Say whether work is moving: Redis answers, a worker is alive, a clock is alive; 503 names what is missing."""
    checks = health.checks(datetime.now(UTC))
    missing = [name for name, fine in checks.items() if not fine]
    if missing:
        raise Refused(503, "not-ready", f"not ready: {', '.join(missing)}", retry_after=5, checks=checks)
    return show(ReadyView(status="ready", checks=checks))


@api.get("/version", responses={200: VersionView}, openapi_extensions=answers())
@public
def version() -> Response:
    """Say which release is running."""
    return show(VersionView(release=current_settings().release, api="v1"))
