"""What gunicorn loads: `gunicorn web.wsgi:app`."""

from jobs import tracing
from jobs.connection import connect, use_client
from jobs.logs import configure_logging
from jobs.settings import current_settings

from . import create_app
from .turns import let_others_lead

configure_logging(current_settings(), "web")
tracing.start(current_settings(), "web")
use_client(connect(current_settings(), most=current_settings().connections_of_web, meanwhile=let_others_lead))
app = create_app()
