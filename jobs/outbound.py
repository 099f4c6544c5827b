"""Calls to addresses that other people chose: each name is resolved once, checked and pinned, so none reaches inside.

A webhook's address is input. Without this guard it could name the metadata service of the cloud, a database beside us
or a router, and a name could resolve to a public address when it is checked and to a private one when it is called
("DNS rebinding"). Here the check and the connection use the same resolved address, at every redirect again.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .errors import NightshiftError
from .settings import current_settings

if TYPE_CHECKING:
    import httpx

Address = IPv4Address | IPv6Address

REDIRECTS = 5
LONGEST_WAIT = 86_400.0
_ADDRESSES_TRIED = 4
_LOWEST_FREE_PORT = 1024
# What `is_global` lets pass, in the older or in all versions of Python.
_NOT_CALLED = (
    ip_network("168.63.129.16/32"),  # Azure's metadata service, the only one with a public address
    ip_network("192.0.0.0/24"),  # IETF protocol assignments; Oracle's metadata service
    ip_network("64:ff9b:1::/48"),  # NAT64 for local use (RFC 8215)
    ip_network("fec0::/10"),  # site-local, from before RFC 3879
    ip_network("3fff::/20"),  # documentation (RFC 9637)
    ip_network("5f00::/16"),  # segment routing (RFC 9602)
)
_NAT64 = ip_network("64:ff9b::/96")


class OutboundRefused(NightshiftError):
    """The address is not one this service calls; trying again would not help."""


class OutboundFailed(NightshiftError):
    """The other side could not be reached, or broke off; trying again may help."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered; `complete` is False when the body was cut at the limit."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    complete: bool
    next_link: str | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be called: public ones, and those named in OUTBOUND_ALLOW."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def allowing(cls, entries: Iterable[str]) -> Guard:
        """Let these CIDRs and host names through as well."""
        networks, hosts = [], set()
        for entry in entries:
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                hosts.add(_plain(entry))
        return cls(tuple(networks), frozenset(hosts))

    def check_url(self, url: str) -> None:
        """Refuse what is wrong without asking DNS: the scheme, the port, an address written out."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise OutboundRefused(f"{url!r} is not an address: {error}") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise OutboundRefused(f"{url!r} is not an http or https address")
        self._check_port(host, port or {"http": 80, "https": 443}[parts.scheme], ())
        with suppress(ValueError):
            self._check_addresses(host, (ip_address(host),))

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them checked. Raises OutboundRefused, OSError when it has none."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
        self._check_port(host, port, addresses)
        self._check_addresses(host, addresses)
        return [str(address) for address in addresses[:_ADDRESSES_TRIED]]

    def _check_port(self, host: str, port: int, addresses: tuple[Address, ...]) -> None:
        named = _plain(host) in self.hosts or any(self._listed(address) for address in (*addresses, *_literal(host)))
        if port < _LOWEST_FREE_PORT and port not in {80, 443} and not named:
            raise OutboundRefused(f"port {port} of {host} is not called: only 80, 443 and those from 1024 are")

    def _check_addresses(self, host: str, addresses: tuple[Address, ...]) -> None:
        """One bad address among several refuses the host: it would otherwise be a matter of luck."""
        if _plain(host) in self.hosts:
            return
        for address in addresses:
            if not (is_public(address) or self._listed(address)):
                what = host if host == str(address) else f"{host} is {address}, which"
                raise OutboundRefused(f"{what} is not a public address; OUTBOUND_ALLOW lists exceptions")

    def _listed(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether anyone on the internet means the same machine by this address.

    IPv6 forms that carry an IPv4 address are judged by what a gateway may make of them: mapped, 6to4 and Teredo are
    refused, NAT64 (RFC 6052) is judged by the address inside.
    """
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.ipv4_mapped or address.sixtofour or address.teredo:
            return False
    reserved = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not reserved and not any(address in network for network in _NOT_CALLED)


def client(*, seconds: float = 10.0, connections: int = 10, trusted: Iterable[str] = ()) -> httpx.AsyncClient:
    """A client for calls to foreign addresses; it goes through the guard whatever is asked of it.

    `seconds` is for one step, such as connecting or the next bytes; `send` also limits the whole. `trusted` are hosts
    that the operator has named, which may be private.
    """
    from . import outbound_http  # httpx costs 10 MB that the web process need not carry

    settings = current_settings()
    guard = Guard.allowing((*settings.outbound_allow, *trusted))
    return outbound_http.client(guard, seconds=seconds, connections=connections, release=settings.release)


async def send(client: httpx.AsyncClient, request: httpx.Request, *, seconds: float, max_bytes: int) -> Reply:
    """Send a request, follow redirects that keep its method, and read at most `max_bytes` within `seconds`.

    Raises OutboundRefused for addresses that may not be called, OutboundFailed when the other side is at fault.
    """
    from . import outbound_http

    return await outbound_http.send(client, request, seconds=seconds, max_bytes=max_bytes)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the time in Retry-After (RFC 9110, 10.2.3: seconds or a date), at most a day; None without one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_WAIT)


def _literal(host: str) -> tuple[Address, ...]:
    try:
        return (ip_address(host),)
    except ValueError:
        return ()


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
