"""The tasks of this installation: this list is the table of contents, and what is not in it does not exist."""

from . import images, imports, mail, maintenance, reports, schedules, webhooks

__all__ = ["images", "imports", "mail", "maintenance", "reports", "schedules", "webhooks"]
