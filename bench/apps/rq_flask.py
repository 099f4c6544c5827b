"""Flask and RQ: no token, no checks."""

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue
from redis import Redis
from rq import Queue

from bench.peers.rq_fork import noop

app = Flask(__name__)
queue = Queue("default", connection=Redis.from_url(os.environ["REDIS_URL"]))


@app.post("/jobs")
def create() -> ResponseReturnValue:
    """Enqueue what comes."""
    job = queue.enqueue(noop, request.get_json()["args"])
    return {"id": job.id}, 202
