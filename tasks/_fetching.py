"""Fetch the pages of an API one by one: at a pace, and with patience for a server that stumbles."""

import asyncio
from datetime import UTC, datetime

import httpx

from jobs import Discard, outbound

from . import _paging
from ._paging import Page, Source

SECONDS = 30.0
_PAGE_BYTES = 16 * 1024 * 1024
_TRIES = 4
_PATIENCE = 30.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_BEYOND_THE_END = {404, 410}


class PageMissing(Discard):
    """There is no such page: the end of the list for some APIs, a wrong address for others."""


class Busy(Exception):
    """The server asks to be left alone for longer than a running job should wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the server asks for {seconds:.0f} s")
        self.seconds = seconds


class Pace:
    """Starts at most `rate` requests a second, and none while the server asks for silence."""

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._free = 0.0

    async def turn(self) -> None:
        """Wait until the next request may start."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._free)
        self._free = at + self._gap
        await asyncio.sleep(at - now)

    def hold(self, seconds: float) -> None:
        """Start nothing for a while."""
        self._free = max(self._free, asyncio.get_running_loop().time() + seconds)


class Fetcher:
    """Fetches one page, with patience for a server that stumbles."""

    def __init__(self, client: httpx.AsyncClient, source: Source, pace: Pace) -> None:
        self._client, self.source, self._pace = client, source, pace

    async def page(self, url: str) -> Page:
        """The page at an address; raises PageMissing, Busy, OutboundFailed, Discard."""
        reply = await self._patiently(url)
        if reply.status in _BEYOND_THE_END:
            raise PageMissing(f"{reply.url} answered {reply.status}: {_excerpt(reply)}")
        if reply.status != 200:
            raise Discard(f"{reply.url} answered {reply.status}: {_excerpt(reply)}")
        return _paging.read(self.source, reply)

    async def _patiently(self, url: str) -> outbound.Reply:
        for left in reversed(range(_TRIES)):
            try:
                reply = await self._once(url)
            except outbound.OutboundFailed:
                if not left:
                    raise
                self._pace.hold(2.0 ** (_TRIES - left - 1) / 2)
                continue
            if reply.status not in _PASSING:
                return reply
            self._put_off(reply, left)
        raise outbound.OutboundFailed(f"{url} answered {_TRIES} times that it cannot answer")

    async def _once(self, url: str) -> outbound.Reply:
        await self._pace.turn()
        request = self._client.build_request("GET", url, headers={"Accept": "application/json", **self.source.headers})
        return await outbound.send(self._client, request, seconds=SECONDS, max_bytes=_PAGE_BYTES)

    def _put_off(self, reply: outbound.Reply, left: int) -> None:
        """Short waits are waited for here, with all requests held; longer ones end the attempt."""
        asked = outbound.retry_after(reply.headers, datetime.now(UTC))
        if asked is not None and (asked > _PATIENCE or not left):
            raise Busy(asked)
        if not left:
            raise outbound.OutboundFailed(f"{reply.url} answered {reply.status}: {_excerpt(reply)}")
        self._pace.hold(asked if asked is not None else 2.0 ** (_TRIES - left - 1) / 2)


def _excerpt(reply: outbound.Reply) -> str:
    return " ".join(reply.body[:200].decode(errors="replace").split()) or "nothing more"
