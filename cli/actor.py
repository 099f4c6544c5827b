"""Who is at the keyboard."""

from __future__ import annotations

import getpass
import os


def actor() -> str:
    """The name for the audit log: `cli:` and the user of the operating system, who may have only a number."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a container may run under a user id without a name
        return f"cli:{os.getuid()}"
