"""Tasks and failures for a filled server."""

from __future__ import annotations

from jobs import task
from jobs.running import AttemptError, Failed


@task(name="sample.mail")
def mail(to: str, subject: str = "") -> None:
    """Send a mail."""


@task(name="sample.thumbnail")
def thumbnail(photo: str, width: int = 320) -> None:
    """Make a small picture."""


def failure(number: int) -> Failed:
    """One of twelve ways to fail, with a traceback of the usual length."""
    frame = f'  File "/app/tasks/images.py", line {40 + number}, in step_{number}\n    call(argument)\n'
    traceback = "Traceback (most recent call last):\n" + frame * 12 + f"OSError: reason {number}\n"
    return Failed(AttemptError("OSError", f"reason {number}", traceback))
