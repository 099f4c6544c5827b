"""The door to httpx: a network backend that connects only to addresses the guard has checked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpcore
import httpx

from .outbound import REDIRECTS, Guard, OutboundFailed, OutboundRefused, Reply

_HARMLESS = ("accept", "content-type", "user-agent", "webhook-")


class PinnedBackend(httpcore.AnyIOBackend):
    """Resolves a host, has every address checked, and connects to one of these addresses.

    The layers above still see the name: the Host header, the name in TLS and the connection pool are right by
    themselves, and each redirect to another host comes through here again.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        failure: Exception | None = None
        for address in await self._addresses(host, port):
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return await self._guard.resolve(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label no DNS name can have
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error


def client(guard: Guard, *, seconds: float, connections: int, release: str) -> httpx.AsyncClient:
    """A client whose only way out is the guarded backend."""
    return httpx.AsyncClient(
        transport=_transport(guard, connections),
        timeout=seconds,
        follow_redirects=False,
        trust_env=False,  # a proxy named in the environment would connect past the guard
        headers={"User-Agent": f"Nightshift/{release}"},
    )


def _transport(guard: Guard, connections: int) -> httpx.AsyncHTTPTransport:
    """httpx takes no network backend, httpcore does: the pool is put in place of the one httpx made.

    A test proves that no connection is made past it.
    """
    transport = httpx.AsyncHTTPTransport(trust_env=False)
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=httpx.create_ssl_context(),  # reads SSL_CERT_FILE, for a private authority
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=30.0,
        network_backend=PinnedBackend(guard),
    )
    return transport


async def send(client: httpx.AsyncClient, request: httpx.Request, *, seconds: float, max_bytes: int) -> Reply:
    """See outbound.send."""
    try:
        async with asyncio.timeout(seconds):
            return await _follow(client, request, max_bytes)
    except TimeoutError:
        raise OutboundFailed(f"{request.url.host} did not answer completely within {seconds:g} s") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise OutboundRefused(f"{request.url} cannot be called: {error}") from error
    except httpx.HTTPError as error:
        raise OutboundFailed(f"{request.url.host}: {str(error) or type(error).__name__}") from error


async def _follow(client: httpx.AsyncClient, request: httpx.Request, max_bytes: int) -> Reply:
    for _ in range(REDIRECTS + 1):
        response = await client.send(request, stream=True)
        try:
            following = response.next_request
            if following is None or following.method != request.method:
                return await _read(response, max_bytes)
        finally:
            await response.aclose()
        request = _onward(client, request, following)
    raise OutboundFailed(f"{request.url.host} redirected more than {REDIRECTS} times")


def _onward(client: httpx.AsyncClient, request: httpx.Request, following: httpx.Request) -> httpx.Request:
    """A redirect may not leave https, and the caller's own headers (keys, tokens) do not follow to another host."""
    old, new = request.url, following.url
    if old.scheme == "https" and new.scheme != "https":
        raise OutboundRefused(f"{old.host} redirects from https to {new.scheme}")
    if (old.scheme, old.host, old.port) == (new.scheme, new.host, new.port):
        return following
    kept = {name: value for name, value in following.headers.items() if name.startswith(_HARMLESS)}
    return client.build_request(following.method, new, headers=kept, content=request.content)


async def _read(response: httpx.Response, max_bytes: int) -> Reply:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > max_bytes:
            break
    return Reply(
        status=response.status_code,
        url=str(response.url),
        headers=response.headers,
        body=bytes(body[:max_bytes]),
        complete=len(body) <= max_bytes,
        next_link=_next_link(response),
    )


def _next_link(response: httpx.Response) -> str | None:
    """The absolute address in `Link: <…>; rel="next"` (RFC 8288)."""
    target = response.links.get("next", {}).get("url")
    return str(response.url.join(target)) if target else None
