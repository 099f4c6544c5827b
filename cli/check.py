"""`check`: everything that would go wrong after a deploy, said before it, all at once."""

import importlib
from collections.abc import Iterator

import click

from jobs import connection, monitor
from jobs.errors import RedisUnavailable, SettingsError
from jobs.schedules.declaring import timetable
from jobs.server import problems
from jobs.settings import Settings, current_settings


@click.command()
@click.option("--deploy", is_flag=True, help="Demand what production needs as well.")
def check(deploy: bool) -> None:
    """Check the settings, Redis, the tasks and the schedules; exit code 1 when anything is wrong."""
    problems = list(find_problems(deploy=deploy))
    for problem in problems:
        click.echo(f"  - {problem}", err=True)
    if problems:
        raise click.ClickException(f"{len(problems)} problem{'s' * (len(problems) > 1)} to solve before this can run.")
    click.echo("All is well: settings, Redis, tasks and schedules.")


def find_problems(*, deploy: bool) -> Iterator[str]:
    """Every problem, one sentence each."""
    try:
        settings = current_settings()
    except SettingsError as error:
        yield from error.problems
    else:
        yield from _of_environment(settings) if deploy else ()
        yield from _of_server(settings)
    yield from _of_tasks()


def _of_environment(settings: Settings) -> Iterator[str]:
    if not settings.production:
        yield f"NIGHTSHIFT_ENV: is {settings.environment}; a deploy runs in production (the default)"


def _of_server(settings: Settings) -> Iterator[str]:
    try:
        connection.use_client(connection.connect(settings, budget=10))
        server = monitor.server()
    except (RedisUnavailable, ValueError) as error:  # ValueError: the address has no valid form
        yield f"REDIS_URL: {error}"
        return
    yield from (f"Redis: {problem}" for problem in problems(server))


def _of_tasks() -> Iterator[str]:
    for module in ("tasks", "tasks.schedules"):
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a user's module may raise while it is being imported
            yield f"{module}: cannot be imported: {type(error).__name__}: {error}"
            return
    yield from (f"schedule {name}: {reason}" for name, reason in timetable().problems.items())
