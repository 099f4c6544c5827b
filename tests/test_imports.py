"""Who may import whom: the rooms of the house, read from the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROOMS = {"jobs": set[str](), "tasks": {"jobs"}} | {
    room: {"jobs", "tasks"} for room in ("web", "worker", "clock", "cli")
}

# A third party on the left is used in the rooms on the right and nowhere else; the longest name counts.
DOORS = {
    "flask": {"web"},
    "flask_wtf": {"web"},
    "flask_limiter": {"web"},
    "flask_openapi": {"web"},
    "whitenoise": {"web"},
    "werkzeug": {"web"},
    "prometheus_client": {"web"},
    "apscheduler": {"clock"},
    "click": {"cli"},
    "rich": {"cli"},
    "honcho": {"cli"},
    "rq": {"jobs", "worker"},
    "rq.worker": {"worker"},
    "opentelemetry": {"jobs"},
    "sentry_sdk": {"jobs"},
    "redis": {"jobs"},
    "redis.exceptions": {"jobs", "worker"},  # RQ's own classes raise the driver's errors as they are
}

# Heavy libraries of single tasks, and extras: loaded when they are used, so that processes stay small.
HEAVY = {"PIL", "reportlab", "openpyxl", "httpx", "sentry_sdk", "jobs.tracing.otel"}


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Every absolute name that a file imports, with its line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    others = ROOMS.keys() - ROOMS[room] - {room}
    assert [place for name, place in _imported(room) if name.partition(".")[0] in others] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_library_is_used_behind_its_own_door(room: str) -> None:
    assert [place for name, place in _imported(room) if room not in _doors(name, room)] == []


def _imported(room: str) -> list[tuple[str, str]]:
    return [
        (name, f"{file.relative_to(ROOT)}:{line} imports {name}")
        for file in files_of(room)
        for name, line in imports(file)
    ]


def _doors(name: str, room: str) -> set[str]:
    parts = name.split(".")
    longest_first = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((DOORS[prefix] for prefix in longest_first if prefix in DOORS), {room})


def test_importing_the_tasks_loads_no_heavy_library() -> None:
    program = f"import sys, tasks; print(*sorted({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
