"""What uses the server's memory; its route is one of those of stats."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from werkzeug.wrappers import Response

from jobs import memory
from jobs.memory import Use
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, show
from ..schemas.base import Query
from ..schemas.memory import MemoryView, TaskMemoryView, UseView
from .stats import api

_MOST = 20_000


class MemoryQuery(Query):
    """How closely to look."""

    sample: int = Field(memory.SAMPLE, ge=1, le=_MOST, description="How many keys to measure, beside the large ones.")


@api.get("/stats/memory", responses={200: MemoryView}, openapi_extensions=answers(422))
@needs(Scope.READ)
def show_memory(query: MemoryQuery) -> Response:
    """Show what uses the server's memory, by kind and by task, as a sample of its keys tells."""
    found = memory.report(query.sample)
    return show(
        MemoryView(
            used=found.used,
            max_memory=found.max_memory,
            keys=found.keys,
            measured=found.measured,
            waiting_job=found.waiting_job,
            finished_job=found.finished_job,
            kinds=_uses(found.kinds),
            tasks=[
                TaskMemoryView(task=name, kinds=_uses(uses)) for name, uses in found.tasks.items() if _visible(name)
            ],
        )
    )


def _uses(uses: Mapping[str, Use]) -> list[UseView]:
    return [UseView(kind=kind, keys=use.keys, bytes=use.bytes) for kind, use in uses.items()]


def _visible(task: str) -> bool:
    return caller().may_see(task)
