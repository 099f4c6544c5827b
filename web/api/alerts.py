"""Alerts: what is wrong now."""

from werkzeug.wrappers import Response

from jobs import alerts
from jobs.tokens import Scope

from ..access import needs
from ..answers import answers, show
from ..resource import resource
from ..schemas.alerts import AlertsView, IncidentView
from ..visible import visible_alerts

api = resource("alerts", __name__, __doc__)


@api.get("/alerts", responses={200: AlertsView}, openapi_extensions=answers())
@needs(Scope.READ)
def list_alerts() -> Response:
    """List what is wrong, as of the last look some seconds ago."""
    return show(AlertsView(alerts=[IncidentView.model_validate(one) for one in visible_alerts(alerts.active())]))
