"""Whether a local run is ready: its own /readyz says so, which looks at Redis, the worker and the clock as well."""

import http.client
import json
from collections.abc import Mapping


def unready(environment: Mapping[str, str]) -> list[str]:
    """The names of the parts that do not do their work yet; none of them when all do."""
    connection = http.client.HTTPConnection(host_of(environment), int(environment["PORT"]), timeout=3)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return [] if response.status == 200 else _named(response.read())
    except (OSError, http.client.HTTPException):
        return ["web"]
    finally:
        connection.close()


def _named(body: bytes) -> list[str]:
    try:
        return [name for name, fine in json.loads(body)["checks"].items() if not fine]
    except (ValueError, KeyError, TypeError):
        return ["web"]


def host_of(environment: Mapping[str, str]) -> str:
    """Where this machine reaches the web process."""
    host = environment["HOST"]
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound # nosec B104
