"""Ours: the whole API, which asks for a token, counts calls, and checks the body and the arguments."""

from bench.peers import nightshift as _task  # noqa: F401 - registers the task
from web.wsgi import app

__all__ = ["app"]
