"""Walk the pages of an API: fetch ahead, write in order, and note the place for the next attempt."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from jobs import RetryLater, Snooze, files, outbound
from jobs.context import JobContext
from jobs.errors import FileMissing, FileTooLarge
from jobs.streams import Writer

from ._fetching import SECONDS, Busy, Fetcher, Pace, PageMissing
from ._paging import Page, Source

NAME, CONTENT_TYPE = "pages.ndjson", "application/x-ndjson"
_NOTED_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second, requests at a time, pages in all."""

    rate: float
    concurrency: int
    max_pages: int


@dataclass(slots=True)
class Place:
    """How far the import is: what the next attempt needs to go on without a gap and without a double line."""

    pages: int = 0
    lines: int = 0
    offset: int = 0
    next: str | None = None
    last: int | None = None
    file: str | None = None
    done: bool = False


async def collect(source: Source, limits: Limits, job: JobContext) -> dict[str, Any]:
    """Write the pages that are still missing into the job's artifact, and say what it holds."""
    place = _place(job)
    before = place.pages
    with job.open_artifact(NAME, CONTENT_TYPE, offset=place.offset) as output:
        try:
            await _write_all(source, limits, place, _Notes(job, place, output))
        except Busy as busy:
            _come_back(busy, moved=place.pages > before)
    counts = {"pages": place.pages, "lines": place.lines, "bytes": place.offset}
    return {"file": output.id, **counts, "complete": place.done}


def _place(job: JobContext) -> Place:
    """Where the last attempt stopped; the beginning when what it wrote has expired since."""
    place = Place(**job.state) if job.state else Place()
    try:
        return place if files.get(place.file or "").size >= place.offset else Place()
    except (FileMissing, ValueError):
        return Place()


def _come_back(busy: Busy, *, moved: bool) -> None:
    """Waiting costs an attempt only when this one got nowhere, so a strict server cannot use up all attempts."""
    raise Snooze(busy.seconds) if moved else RetryLater(busy.seconds, str(busy))


async def _write_all(source: Source, limits: Limits, place: Place, notes: "_Notes") -> None:
    async with outbound.client(seconds=SECONDS, connections=limits.concurrency) as client:
        fetcher = Fetcher(client, source, Pace(limits.rate))
        with notes:
            async with aclosing(_walk(fetcher, place, limits)) as walk:
                async for page in walk:
                    notes.add(page)


class _Notes:
    """Writes pages, tells how far it is, and saves the place about once a second and at the end, good or bad."""

    def __init__(self, job: JobContext, place: Place, output: Writer) -> None:
        self._job, self._place, self._output = job, place, output
        self._due = time.monotonic() + _NOTED_EVERY
        place.file = output.id

    def add(self, page: Page) -> None:
        place = self._place
        self._output.write(page.lines)
        place.pages, place.lines, place.offset = place.pages + 1, place.lines + page.count, self._output.tell()
        place.next, place.last = page.next, page.last
        self._job.progress(place.pages, place.last, f"{place.lines:,} lines")
        if time.monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """First the bytes, then the place that counts on them."""
        self._output.flush()
        self._job.checkpoint(asdict(self._place))
        self._due = time.monotonic() + _NOTED_EVERY

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileTooLarge):  # the file is gone, so there is no place to go on from
            self._job.checkpoint(None)
        else:
            self.save()


async def _walk(fetcher: Fetcher, place: Place, limits: Limits) -> AsyncGenerator[Page]:
    """The missing pages in order, at most `max_pages` in all; sets `place.done` when there are no more."""
    numbered = fetcher.source.style == "number"
    walk = _numbered(fetcher, place, limits) if numbered else _chained(fetcher, place)
    async with aclosing(walk):
        while not place.done and place.pages < limits.max_pages:
            page = await anext(walk, None)
            if page is not None:
                yield page
            place.done = page is None or _was_last(fetcher.source, place)


def _was_last(source: Source, place: Place) -> bool:
    if source.style == "number":
        return place.last is not None and source.first_page + place.pages > place.last
    return place.next is None


async def _chained(fetcher: Fetcher, place: Place) -> AsyncGenerator[Page]:
    """Each page names the next, so there is nothing to fetch ahead."""
    url = place.next if place.pages else fetcher.source.url
    while url:
        page = await fetcher.page(url)
        yield page
        url = page.next


async def _numbered(fetcher: Fetcher, place: Place, limits: Limits) -> AsyncGenerator[Page]:
    """Several pages ahead at a time, given out in order; ends at the last page, or at the first empty one."""
    ahead = _Ahead(fetcher, place, limits)
    try:
        while (page := await ahead.next()) is not None:
            yield page
    finally:
        await ahead.close()


class _Ahead:
    """A line of pages being fetched, as long as `concurrency`."""

    def __init__(self, fetcher: Fetcher, place: Place, limits: Limits) -> None:
        self._fetcher, self._limits = fetcher, limits
        self._line: deque[asyncio.Task[Page]] = deque()
        self._last = fetcher.source.last_page if place.last is None else place.last
        self._given = self._asked = fetcher.source.first_page + place.pages
        self._stop = fetcher.source.first_page + limits.max_pages

    async def next(self) -> Page | None:
        """The next page; None behind the last."""
        self._fill()
        if not self._line or self._past(self._given):
            return None
        try:
            page = await self._line.popleft()
        except PageMissing:
            if self._last is None and self._given > self._fetcher.source.first_page:
                return None
            raise
        self._given, self._last = self._given + 1, page.last
        return page if page.count or self._last is not None else None

    def _fill(self) -> None:
        unknown = self._last is None and self._fetcher.source.last_page_at is not None
        most = 1 if unknown else self._limits.concurrency
        while len(self._line) < most and self._asked < self._stop and not self._past(self._asked):
            url = self._fetcher.source.address_of(self._asked)
            self._line.append(asyncio.create_task(self._fetcher.page(url)))
            self._asked += 1

    def _past(self, number: int) -> bool:
        return self._last is not None and number > self._last

    async def close(self) -> None:
        """Drop what was fetched in vain."""
        for fetching in self._line:
            fetching.cancel()
        await asyncio.gather(*self._line, return_exceptions=True)
