"""Whether this process was told to stop: who holds an answer back lets go of it then."""

from __future__ import annotations

from threading import Event

stopping = Event()
"""Set when the process begins to stop, and never cleared."""
