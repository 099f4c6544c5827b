"""How gunicorn serves the web process: every setting with its reason."""

import gc
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

from jobs import connection, stats
from jobs.errors import NightshiftError, RedisUnavailable
from jobs.logs import configure_logging
from jobs.settings import current_settings

try:
    _settings = current_settings()
    # A task that cannot be defined is told in one sentence here; in a process of gunicorn's it would be a traceback.
    import tasks  # noqa: F401
except NightshiftError as error:
    raise SystemExit(str(error)) from None

# A platform says on which port; bin/dev sets HOST to loopback, so that a laptop is closed to its network.
bind = f"{_settings.host}:{_settings.port}"

# One thread of a process serves as long as requests are short, and the others step in for those who wait: for a slow
# client, a long poll, a stream, a server that hangs. A few processes use the cores there are.
worker_class = "web.serving.PatientThreads"
workers = _settings.web_concurrency
threads = _settings.web_threads

# Each process builds its own app: a Redis connection or a thread made before the fork would be shared by all.
preload_app = False

# With threads this is not a limit for requests but a heartbeat: a process that hangs as a whole is replaced. Routers
# give up on a request after 30 s, so waiting longer than that could help nobody.
timeout = 30

# After SIGTERM a platform waits 30 s before it kills: running requests get 20 s, work after the response the rest.
graceful_timeout = 20

# Longer than the 90 s after which the router drops an idle connection: if we closed first, a request already on its
# way would fail. Source: https://devcenter.heroku.com/articles/http-routing#keepalives
keepalive = 95

# Connections that wait while all threads are busy. Beyond that a client is refused at once, instead of waiting for a
# reply that the router has given up on.
backlog = 256

# Who a proxy may speak for is said by PROXY_HOPS alone: gunicorn would believe what comes from this machine. That it
# looks at no header of anybody also saves it to look up each client's address.
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# A client who takes a file slowly is sent away as with every answer; the system's call would wait for ever.
sendfile = False

# The heartbeat is a change to a file's mode: on a disk it can block for seconds, in memory it cannot.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - its file is private # nosec B108


def on_starting(_: Arbiter) -> None:
    """Let the processes count their requests in one place, so that /metrics tells the sum of all of them."""
    from web import measuring

    measuring.share(Path(worker_tmp_dir or tempfile.gettempdir()))


def on_exit(_: Arbiter) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


# It would open a control socket in the home folder, which all checkouts share and nobody here uses.
control_socket_disable = True


def post_worker_init(_: object) -> None:
    """Note the first start of this release, and look around from now on, whether Redis is there or not."""
    from web import alerting  # not before the fork: gunicorn itself needs no app

    with suppress(RedisUnavailable):
        stats.mark_deploy(connection.client(), _settings.release, datetime.now(UTC))
    alerting.start(_settings)
    # What is there now stays: the garbage collector need not walk over all modules again and again. To collect first
    # would write to every object, and so take this process its share in the memory of the one it was forked from.
    gc.freeze()


# The app writes one event per request itself, with the request's id.
accesslog = None


class logger_class(Logger):  # noqa: N801 - the name of gunicorn's setting
    """What gunicorn says goes out as events, in the format of all the others."""

    def setup(self, cfg: Config) -> None:
        """Give its lines to the root logger instead of handlers of its own."""
        super().setup(cfg)
        configure_logging(_settings, "web")
        self.error_log.handlers.clear()
        self.error_log.propagate = True
