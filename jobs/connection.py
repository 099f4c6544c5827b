"""The only place that builds Redis clients, and where the driver's errors become ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from .errors import RedisUnavailable
from .pools import Pool
from .settings import Settings, current_settings

Client = redis.Redis

_OUTAGES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
)
# After a fail-over the old address may lead to a replica now: only a new connection finds out.
_LOST = (exceptions.ConnectionError, exceptions.ReadOnlyError)
_REFUSALS = ("MISCONF", "BUSY ", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN")  # the driver has no classes for these


def connect(
    settings: Settings,
    budget: float = 2.0,
    *,
    pushes: bool = False,
    most: int | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Client:
    """A client whose every call ends within `budget` seconds; replies are bytes, as RQ needs them.

    A connection that the server has closed is replaced once. A call that timed out is not sent again here,
    because a hung server would then cost the budget several times over. With `pushes` published messages may come
    between the replies, which RESP3 allows. With `most` connections there are no more, and threads wait their turn,
    for as long as the budget. `meanwhile` is called before a wait that will be long.
    """
    pool = Pool.from_url(
        settings.redis_url.get_secret_value(),
        most=most,
        meanwhile=meanwhile,
        timeout=budget,
        socket_timeout=budget,
        socket_connect_timeout=budget / 2,
        retry=Retry(NoBackoff(), 1, supported_errors=_LOST),
        protocol=3 if pushes else 2,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),  # a feature of one vendor's cloud
        driver_info=None,  # its version is looked up in the installed packages for every connection, and sent twice
        **_network(settings),
    )
    return redis.Redis.from_pool(pool)


def _network(settings: Settings) -> dict[str, Any]:
    if settings.redis_url.get_secret_value().startswith("unix://"):
        return {}  # the driver refuses the options of TCP and TLS for a unix socket
    return {"socket_keepalive": True} | _tls(settings)


def _tls(settings: Settings) -> dict[str, Any]:
    if not settings.redis_url.get_secret_value().startswith("rediss://"):
        return {}
    if not settings.redis_verify_certs:
        return {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": True} | _authority(settings.redis_ca_certs)


def _authority(given: str | None) -> dict[str, str]:
    """A private CA comes as a path, or as the PEM text itself where a PaaS has settings but no files."""
    if not given:
        return {}
    return {"ssl_ca_data": given} if "BEGIN CERTIFICATE" in given else {"ssl_ca_certs": str(Path(given))}


class _Process:
    """The client of this process."""

    client: Client | None = None


def client() -> Client:
    """The client of this process, built from its settings at the first call."""
    if _Process.client is None:
        _Process.client = connect(current_settings())
    return _Process.client


def use_client(chosen: Client | None) -> None:
    """Put this client in place of the process' own; None builds a new one at the next call."""
    _Process.client = chosen


def read_hash(key: str) -> dict[bytes, bytes]:
    """All fields of a hash; empty when the key does not exist."""
    with translate_errors():
        return cast("dict[bytes, bytes]", client().hgetall(key))


def read_list(key: str, first: int, last: int) -> list[bytes]:
    """The items of a list between two positions, both included."""
    with translate_errors():
        return cast("list[bytes]", client().lrange(key, first, last))


def read_set(key: str) -> list[str]:
    """The members of a set, sorted."""
    with translate_errors():
        return sorted(member.decode() for member in cast("set[bytes]", client().smembers(key)))


class _Translated:
    """The one context that all calls share: it keeps nothing, and a generator for each would cost six times as much."""

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, _OUTAGES) or (isinstance(error, exceptions.ResponseError) and _is_refusal(error)):
            raise RedisUnavailable(str(error) or type(error).__name__) from error


_TRANSLATED = _Translated()


def translate_errors() -> AbstractContextManager[None]:
    """Turn every outage, hang, read-only replica and full server into RedisUnavailable."""
    return _TRANSLATED


def _is_refusal(error: exceptions.ResponseError) -> bool:
    return str(error).startswith(_REFUSALS)
