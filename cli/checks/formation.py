"""What a platform will start: the Procfile and app.json, against the queues there are and the connections allowed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.checks.findings import Finding, advice, problem
from cli.words import many, now
from jobs import connection, monitor
from jobs.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Formation:
    """Commands by process, and how many of each; one where nobody says."""

    commands: Mapping[str, Sequence[str]]
    quantities: Mapping[str, int]

    def running(self, *words: str) -> list[str]:
        """The processes whose command holds these words, one after the other."""
        return [name for name, command in self.commands.items() if _holds(command, words)]

    def count(self, names: Sequence[str]) -> int:
        """How many of these processes run."""
        return sum(self.quantities.get(name, 1) for name in names)

    @property
    def whole(self) -> list[str]:
        """The processes that are web, worker and clock in one."""
        return self.running("-m", "cli", "all-in-one")

    @property
    def workers(self) -> list[str]:
        """The processes that work."""
        return self.running("-m", "worker") + self.whole

    @property
    def clocks(self) -> list[str]:
        """The processes that keep time."""
        return self.running("clock.py") + self.whole

    def served(self, settings: Settings) -> set[str]:
        """The queues that some worker takes jobs from."""
        named = [_option(self.commands[name], "--queues") for name in self.workers]
        return {queue for text in named for queue in (text.split(",") if text else settings.queues)}


def read_formation(root: Path = ROOT) -> Formation:
    """Read the files; without them there are no processes."""
    lines = _text(root / "Procfile").splitlines()
    pairs = [line.split(":", 1) for line in lines if ":" in line and not line.startswith("#")]
    app: dict[str, Any] = json.loads(_text(root / "app.json") or "{}")
    quantities = {name: int(entry.get("quantity", 1)) for name, entry in app.get("formation", {}).items()}
    return Formation({name.strip(): shlex.split(command) for name, command in pairs}, quantities)


def of_processes(formation: Formation) -> Iterator[Finding]:
    """Processes that are missing."""
    if not formation.workers:
        yield problem("Procfile", "has no worker, so no job is run; add the line `worker: python -m worker`")
    if not formation.clocks:
        yield problem("Procfile", "has no clock, so nothing is scheduled; add the line `clock: python clock.py`")


def of_queues(formation: Formation, settings: Settings, wanted: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Queues that are used and that no worker looks at; `wanted` are queues and what enqueues there."""
    served = formation.served(settings)
    for queue in sorted(wanted.keys() - served if formation.workers else ()):
        text = f"no worker of the Procfile takes its jobs, which {', '.join(wanted[queue])} enqueue; add it to QUEUES"
        yield problem(f"queue {queue}", text)


def of_waiting(formation: Formation, settings: Settings) -> Iterator[Finding]:
    """Queues that hold jobs and that nobody will look at. Raises RedisUnavailable."""
    served = formation.served(settings)
    for queue in monitor.queues(now()):
        if queue.name not in served and queue.waiting:
            yield advice(
                f"queue {queue.name}", f"{many(queue.waiting, 'job')} wait, and no worker of the Procfile takes them"
            )


def of_connections(formation: Formation, settings: Settings) -> Iterator[Finding]:
    """Whether the server allows as many as the processes take. Raises RedisUnavailable."""
    allowed = _allowed()
    least, most = _needed(formation, settings, each=1), _needed(formation, settings, each=settings.connections_of_web)
    if allowed is None or 2 * most <= allowed:
        return
    remedy = "take a larger plan, or lower HORSES, WEB_CONCURRENCY or WEB_CONNECTIONS"
    if least > allowed:
        yield problem("Redis", f"allows {allowed} connections; the formation takes at least {least}: {remedy}")
    else:
        text = (
            f"allows {allowed} connections; the formation takes up to {most}, and twice that during a deploy: {remedy}"
        )
        yield advice("Redis", text)


def _needed(formation: Formation, settings: Settings, *, each: int) -> int:
    """A worker takes one and one for each horse, a clock one, a web process `each`."""
    web = formation.count(formation.running("gunicorn")) * settings.web_concurrency * each
    web += formation.count(formation.whole) * each
    worker = sum(formation.count([name]) * (1 + _horses(formation, name, settings)) for name in formation.workers)
    return web + worker + formation.count(formation.clocks)


def _horses(formation: Formation, name: str, settings: Settings) -> int:
    given = _option(formation.commands[name], "--horses")
    return int(given) if given.isdecimal() else settings.horses


def _allowed() -> int | None:
    """None when the server does not say."""
    with connection.translate_errors():
        found = connection.client().info("clients")
    return int(found["maxclients"]) if "maxclients" in found else None


def _option(command: Sequence[str], name: str) -> str:
    for number, word in enumerate(command):
        if word == name and number + 1 < len(command):
            return command[number + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""


def _holds(command: Sequence[str], words: Sequence[str]) -> bool:
    return any(tuple(command[start : start + len(words)]) == words for start in range(len(command)))


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
