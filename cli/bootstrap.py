"""What bin/dev, bin/test and bin/jobs do before there is a .venv. Standard library only, for any Python from 3.11."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from cli.browser import provide
from cli.options import dev_options
from cli.venv import SetupError, prepare

ROOT = Path(__file__).resolve().parent.parent
_MOST_AT_ONCE = 4  # each process starts a server of its own


def main(command: str, *arguments: str) -> NoReturn:
    """Set up .venv and replace this process by the command proper."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception takes pip down with it
    try:
        {"dev": _dev, "test": _test, "jobs": _jobs}[command](list(arguments))
    except (SetupError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    raise AssertionError("unreachable: each command replaces the process")


def _dev(arguments: list[str]) -> None:
    dev_options(arguments)  # a wrong option, or --help, needs no set-up
    _replace_by(prepare(ROOT, "requirements.txt"), "cli.dev", arguments)


def _test(arguments: list[str]) -> None:
    python = prepare(ROOT, "requirements.txt", "requirements-dev.txt")
    provide(ROOT / ".data" / "apt.log")
    _replace_by(python, "pytest", [*_side_by_side(arguments), *arguments])


def _side_by_side(arguments: list[str]) -> list[str]:
    """All tests run in several processes, some of them in one: to start more takes longer than a file or two."""
    some = any((ROOT / argument.partition("::")[0]).exists() for argument in arguments if argument[:1] != "-")
    return [] if some else ["-n", str(min(os.cpu_count() or 1, _MOST_AT_ONCE))]


def _jobs(arguments: list[str]) -> None:
    python = prepare(ROOT, "requirements.txt")
    os.environ.update(_of_local_run())
    _replace_by(python, "cli", arguments)


def _replace_by(python: Path, module: str, arguments: list[str]) -> None:
    os.environ["PATH"] = f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["VIRTUAL_ENV"] = str(python.parent.parent)
    os.environ.pop("PYTHONHOME", None)
    os.execv(python, [str(python), "-m", module, *arguments])  # noqa: S606 - a shell would keep signals # nosec B606


def _of_local_run() -> dict[str, str]:
    """bin/jobs speaks to what bin/dev runs in this checkout, unless the environment names a server."""
    facts = ROOT / ".data" / "dev.json"
    if "REDIS_URL" in os.environ or "NIGHTSHIFT_ENV" in os.environ or not facts.exists():
        return {}
    return {"NIGHTSHIFT_ENV": "development", "REDIS_URL": json.loads(facts.read_text())["redis_url"]}


if __name__ == "__main__":
    main(*sys.argv[1:])
