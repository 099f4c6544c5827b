"""`bin/jobs tasks`: what can be enqueued."""

from __future__ import annotations

import json

import click

import tasks as installed  # noqa: F401 - what there is to list
from cli import complete, words
from cli.commands import Group
from cli.output import emitted, facts, say, show, table
from cli.shapes import task_shape
from cli.values import usage
from jobs import registry


@click.group(cls=Group)
def tasks() -> None:
    """See the tasks and what they take."""


@tasks.command(examples=["tasks ls"])
def ls() -> None:
    """List the tasks."""
    found = registry.all_tasks()
    if not emitted({"tasks": [task_shape(task) for task in found]}):
        rows = [[task.name, task.queue, task.description] for task in found]
        show(table(["task", "queue?", "does~"], rows))


@tasks.command("show", examples=["tasks show images.thumbnail"])
@click.argument("name", metavar="TASK", shell_complete=complete.task_names)
def show_task(name: str) -> None:
    """Show what a task takes and how its jobs are run."""
    task = registry.find(name)
    if emitted(task_shape(task)):
        return
    values = {"queue": task.queue, "timeout": words.span(task.timeout), "retries": str(task.retry.max)}
    show(facts({"task": task.name, "does": task.description, **values}))
    say(f"\nbin/jobs enqueue {task.name} {usage(task)}\n")
    say(json.dumps(task.schema(), indent=2, ensure_ascii=False))
