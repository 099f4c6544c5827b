"""Flask and Celery: no token, no checks."""

from flask import Flask, request
from flask.typing import ResponseReturnValue

from bench.peers.celery_prefork import noop

app = Flask(__name__)


@app.post("/jobs")
def create() -> ResponseReturnValue:
    """Enqueue what comes."""
    job = noop.delay(request.get_json()["args"])
    return {"id": job.id}, 202
