"""`bin/jobs openapi`: the description of the HTTP API, as the running web process gives it."""

from __future__ import annotations

import json
from typing import Any

import click

from cli.commands import Command
from cli.output import emit
from jobs.settings import current_settings

_BUDGET = 10.0


@click.command(cls=Command, examples=["openapi > openapi.json", "openapi --url https://jobs.example.com"])
@click.option("--url", help="Where the web process is; without it, the one of bin/dev, or PORT on this machine.")
def openapi(url: str | None) -> None:
    """Print the OpenAPI document of the running web process."""
    emit(_document((url or _local_address()).rstrip("/")))


def _document(address: str) -> Any:
    import httpx  # only here: it is heavy

    try:
        answer = httpx.get(f"{address}/openapi.json", timeout=_BUDGET, follow_redirects=True)
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise click.ClickException(f"no document from {address}: {reason}; is the web process running?") from None


def _local_address() -> str:
    settings = current_settings()
    facts = settings.data_dir / "dev.json"
    if facts.exists():
        return str(json.loads(facts.read_text())["url"])
    return f"http://127.0.0.1:{settings.port}"
