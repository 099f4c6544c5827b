"""`check`: everything that would go wrong after a deploy, said before it, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import click

from cli import words
from cli.checks import code, environment, formation, server
from cli.checks.code import Planned
from cli.checks.findings import Finding, problem
from cli.commands import Command
from cli.output import emitted, note, say, show, table
from jobs import connection, monitor
from jobs.errors import RedisUnavailable, SettingsError
from jobs.settings import Settings, current_settings

_BUDGET = 10.0


@dataclass(slots=True)
class Report:
    """What was found, and what the schedules will do."""

    findings: list[Finding] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)

    def of(self, level: str) -> list[Finding]:
        """The findings of one level."""
        return [finding for finding in self.findings if finding.level == level]


@click.command(cls=Command, examples=["check", "check --deploy"])
@click.option("--deploy", is_flag=True, help="Demand what production needs, too; the release phase does.")
def check(deploy: bool) -> None:
    """Check settings, Redis, tasks and schedules; exit code 1 when there is a problem.

    With --deploy also secrets, TLS, durability, memory, connections, clocks and the processes of the Procfile.
    Advice is worth reading, and fails nothing.
    """
    report = examine(deploy=deploy)
    problems, advice = report.of("problem"), report.of("advice")
    if not emitted({"ok": not problems, "problems": problems, "advice": advice, "schedules": report.planned}):
        _tell(report, problems, advice)
    if problems:
        raise SystemExit(1)


def examine(*, deploy: bool) -> Report:
    """Look at everything; what cannot be reached is a problem itself."""
    report, settings = Report(), _settings(deploy=deploy)
    if isinstance(settings, SettingsError):
        report.findings += [problem(*sentence.split(": ", 1)) for sentence in settings.problems]
    report.findings += code.of_imports()
    importable = not any(found.about.startswith("tasks") for found in report.findings)
    if importable:
        report.findings += [*code.of_tasks(), *code.of_timetable()]
        report.planned = code.planned(settings.timezone if isinstance(settings, Settings) else "UTC", words.now())
    if isinstance(settings, Settings):
        report.findings += _of_place(settings, report.planned if importable else None, deploy=deploy)
    return report


def _settings(*, deploy: bool) -> Settings | SettingsError:
    try:
        return current_settings(serves=True) if deploy else current_settings()
    except SettingsError as error:
        return error


def _of_place(settings: Settings, planned: Sequence[Planned] | None, *, deploy: bool) -> Iterator[Finding]:
    """Settings, formation and server; without plans the tasks could not be imported."""
    if deploy:
        yield from environment.of_environment(settings)
        yield from formation.of_processes(formation.read_formation())
    if deploy and planned is not None:
        yield from code.of_plans(planned)
        yield from formation.of_queues(formation.read_formation(), settings, code.wanted_queues(planned))
    try:
        connection.use_client(connection.connect(settings, budget=_BUDGET))
        yield from _of_redis(settings, deploy=deploy)
        yield from _of_run_time(settings, deploy=deploy) if planned is not None else ()
    except (RedisUnavailable, ValueError) as error:  # ValueError: the address has no valid form
        yield problem("REDIS_URL", str(error))


def _of_redis(settings: Settings, *, deploy: bool) -> Iterator[Finding]:
    seen = monitor.server()
    yield from server.of_fitness(seen)
    if deploy:
        yield from server.of_server(seen, settings)
        yield from formation.of_connections(formation.read_formation(), settings)
        yield from formation.of_waiting(formation.read_formation(), settings)


def _of_run_time(settings: Settings, *, deploy: bool) -> Iterator[Finding]:
    yield from code.of_made_at_run_time()
    if deploy:
        yield from formation.of_queues(formation.read_formation(), settings, code.queues_wanted_at_run_time())


def _tell(report: Report, problems: Sequence[Finding], advice: Sequence[Finding]) -> None:
    if report.planned:
        rows = [
            [plan.schedule, plan.words, ", ".join(f"{t:%a %d %b %H:%M}" for t in plan.next_ticks)]
            for plan in report.planned
        ]
        show(table(["schedule", "when~", "next"], rows))
        say()
    for finding in advice:
        note(f"  advice: {finding}")
    for finding in problems:
        note(f"  - {finding}")
    if problems:
        note(f"Error: {words.many(len(problems), 'problem')} to solve before this can run.")
    else:
        say("All is well: settings, Redis, tasks and schedules.")
