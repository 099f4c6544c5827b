"""The web process with the leaky task, and a page that breaks."""

from __future__ import annotations

from tests.processes import leaky_tasks as leaky_tasks
from web.access import public
from web.wsgi import app


@app.get("/broken")
@public
def broken() -> str:
    """Break."""
    raise RuntimeError(f"no way in with {app.config['SECRET_KEY']}")
