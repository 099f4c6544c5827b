"""Imports: everything a paginated JSON API holds, as one file of lines."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from jobs import Retry, current_job, outbound, task
from jobs.errors import FileTooLarge

from ._fields import Headers, WebAddress

Pointer = Annotated[str, StringConstraints(pattern=r"^(/[^/]*)*$", max_length=200)]
Parameter = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\[\]-]{1,64}$")]


@task(timeout=3600, retry=Retry(max=8, base=5, cap=900, give_up_on=(outbound.OutboundRefused, FileTooLarge)))
async def pages(
    url: WebAddress,
    items: Pointer = "",
    style: Literal["number", "link", "cursor"] = "number",
    page_param: Parameter = "page",
    first_page: Annotated[int, Field(ge=0)] = 1,
    last_page: Annotated[int, Field(ge=0)] | None = None,
    last_page_at: Pointer | None = None,
    next_at: Pointer = "/next",
    cursor_param: Parameter | None = None,
    rate: Annotated[float, Field(gt=0, le=100)] = 5.0,
    concurrency: Annotated[int, Field(ge=1, le=16)] = 4,
    max_pages: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000,
    headers: Headers | None = None,
) -> dict[str, Any]:
    """Fetch every page of a JSON API into one NDJSON file, in page order, and go on where it stopped after a failure.

    `items` is a JSON pointer (RFC 6901) to the list in each page; empty means that the page is the list.
    Three styles: `number` asks for page 1, 2, 3 … in `page_param`, `concurrency` at a time, up to `last_page`, to the
    number at `last_page_at`, or until a page is empty; `link` follows `Link: <…>; rel="next"`; `cursor` follows the
    value at `next_at`, which is an address, or a token for `cursor_param`.
    At most `rate` requests a second are started; 429 and Retry-After are obeyed.
    """
    from . import _paging, _walking

    source = _paging.Source(
        url=url,
        items=items,
        style=style,
        page_param=page_param,
        first_page=first_page,
        last_page=last_page,
        last_page_at=last_page_at,
        next_at=next_at,
        cursor_param=cursor_param,
        headers=headers or {},
    )
    return await _walking.collect(source, _walking.Limits(rate, concurrency, max_pages), current_job())
