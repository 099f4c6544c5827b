"""What gunicorn loads: `gunicorn web.wsgi:app`."""

from jobs import tracing
from jobs.logs import configure_logging
from jobs.settings import current_settings

from . import create_app

configure_logging(current_settings(), "web")
tracing.start(current_settings(), "web")
app = create_app()
