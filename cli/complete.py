"""What the shell offers after TAB. Without a server it offers nothing: a failed look is no reason to disturb."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from jobs import monitor, registry, schedules, tokens, webhooks
from jobs.errors import NightshiftError

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Found = Iterable[tuple[str, str]]


def _offering(look: Callable[[], Found]) -> Completer:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(name, help=words) for name, words in look() if name.startswith(incomplete)]
        except NightshiftError:
            return []

    return complete


def _tasks() -> Found:
    import tasks  # noqa: F401 - only now: completion of other words needs none of them

    return ((task.name, task.description) for task in registry.all_tasks())


def _jobs() -> Found:
    return ((job.id, f"{job.task} {job.status}") for job in monitor.list_jobs(limit=100).jobs)


def _queues() -> Found:
    return ((name, "") for name in monitor.queue_names())


def _workers() -> Found:
    return ((worker.name, worker.state) for worker in monitor.workers())


def _schedules() -> Found:
    return ((view.id, view.words) for view in schedules.list_schedules())


def _tokens() -> Found:
    return ((token.id, token.name) for token in tokens.all_tokens())


def _webhooks() -> Found:
    return ((webhook.id, webhook.url) for webhook in webhooks.all_webhooks())


task_names, job_ids, queue_names = _offering(_tasks), _offering(_jobs), _offering(_queues)
worker_names, schedule_ids, token_ids = _offering(_workers), _offering(_schedules), _offering(_tokens)
webhook_ids = _offering(_webhooks)


def argument_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The arguments of the task that was named before, with `=`."""
    return [CompletionItem(word) for word in _argument_words(ctx) if word.startswith(incomplete)]


def _argument_words(ctx: click.Context) -> Iterator[str]:
    try:
        import tasks  # noqa: F401

        schema = registry.find(ctx.params.get("task") or "").schema()
    except NightshiftError:
        return
    yield from (f"{name}=" for name in schema.get("properties", {}))
