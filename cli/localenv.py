"""The environment of a local run: kept secrets, the .env file, and defaults that suit one machine."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from honcho import environ

from cli import server

# A socket's address holds about 100 bytes (104 on macOS, 108 on Linux, with its closing zero).
_LONGEST_ADDRESS = 100

_DEFAULTS = {
    "NIGHTSHIFT_ENV": "development",
    "HOST": "127.0.0.1",  # nothing of a laptop is offered to its network
    "WEB_CONCURRENCY": "1",
    "SHUTDOWN_GRACE": "3",  # who presses Ctrl-C does not want to wait for long jobs: they go back to their queue
    "LOG_FORMAT": "console",  # output goes through honcho, so no process sees a terminal
    "PYTHONUNBUFFERED": "1",
}


def environment(root: Path, data: Path, *, port: int, given: Mapping[str, str]) -> dict[str, str]:
    """All variables of the processes; what is given wins over .env, and .env over what is made here."""
    dotenv = root / ".env"
    from_file: dict[str, str] = environ.parse(dotenv.read_text()) if dotenv.exists() else {}
    made = _DEFAULTS | {"DATA_DIR": str(data)} | _kept_secrets(data / "secrets.json")
    return {**made, **from_file, **given, "PORT": str(port)}


def _kept_secrets(file: Path) -> dict[str, str]:
    """Made at the first start, and the same ever after. Raises ValueError for a damaged file."""
    try:
        kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    except ValueError:
        raise ValueError(f"{file} is damaged: delete it, and new secrets are made.") from None
    missing = {name: make() for name, make in _MAKERS.items() if name not in kept}
    if missing:
        write_private(file, kept | missing)
    return kept | missing


_MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_hex(32),
    "ADMIN_PASSWORD": lambda: secrets.token_urlsafe(12),
    "API_TOKEN": lambda: secrets.token_urlsafe(32),
}


def write_private(file: Path, facts: Mapping[str, str]) -> None:
    """Write JSON that only this user can read; at no moment can anybody else, or anybody see half of it."""
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(facts, stream, indent=2)
        stream.write("\n")
    partial.replace(file)


def server_address(data: Path) -> Path:
    """Where the embedded server listens: in `.data`, or in a private folder of /tmp when that path is too long."""
    address = data / "redis.sock"
    if len(os.fsencode(address)) <= _LONGEST_ADDRESS:
        return address
    folder = Path("/tmp", f"nightshift-{os.getuid()}-{_short_name(data)}")  # noqa: S108 - checked below # nosec B108
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise server.ServerError(f"{folder} is not ours: remove it, or move this checkout to a shorter path.")
    return folder / "redis.sock"


def _short_name(data: Path) -> str:
    return hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
