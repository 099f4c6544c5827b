"""Put what the code declares into Redis, unless a newer release has done so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from .. import logs
from ..connection import Client
from ..scripts import script
from ..settings import Settings
from . import keys, store
from .deciding import Decider
from .declaring import Timetable
from .definitions import Definition, in_zone
from .leases import Lease
from .sending import send
from .store import Stored
from .writing import Writer

log = logs.get_logger("clock")

_NUMBERED = re.compile(r"v?(\d+(?:[.-]\d+)*)", re.IGNORECASE)
_BATCH = 500
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What a synchronisation did; `outdated` says that a newer release is in force, and nothing was changed."""

    saved: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    outdated: bool = False


def release_order(release: str) -> str:
    """A numbered release (`v42`, `2026.11.3`) in a form that sorts; '' for one that cannot be ordered."""
    match = _NUMBERED.fullmatch(release)
    return ".".join(f"{int(number):012d}" for number in re.split(r"[.-]", match[1])) if match else ""


def synchronise(timetable: Timetable, client: Client, settings: Settings, lease: Lease) -> Report:
    """Save what is new or changed in the code and disable what has vanished from it.

    A schedule that a person changed keeps that change until its declaration in the code changes.
    """
    return _Synchronisation(client, settings, lease).run(timetable)


class _Synchronisation:
    def __init__(self, client: Client, settings: Settings, lease: Lease) -> None:
        self._client = client
        self._settings = settings
        self._release = release_order(settings.release)
        self._decider = Decider(client, settings, lease)
        self._writer = Writer(client, f"release {settings.release}", self._release)

    def run(self, timetable: Timetable) -> Report:
        if self._release and not script("claim_release")([keys.RELEASE], [self._release], self._client):
            return Report(outdated=True)
        self._tell(timetable.problems)
        saved = [name for batch in _batches(timetable.definitions) for name in self._save_changed(batch)]
        retired = [name for name in self._vanished(timetable) if self._retire(name)]
        return Report(tuple(saved), tuple(retired))

    def _tell(self, problems: Mapping[str, str]) -> None:
        with self._client.pipeline() as pipe:
            pipe.delete(keys.PROBLEMS)
            if problems:
                pipe.hset(keys.PROBLEMS, mapping=dict(problems.items()))
            pipe.execute()

    def _save_changed(self, declared: Sequence[Definition]) -> list[str]:
        """Save those of a batch that are new or changed; gives their names."""
        definitions = [in_zone(definition, self._settings.timezone) for definition in declared]
        known = self._known([definition.id for definition in definitions])
        changed = [each for each, digest in zip(definitions, known, strict=True) if digest != _digest(each)]
        now = store.time_of(self._client)
        found = store.load([definition.id for definition in changed], self._client)
        states = [before if isinstance(before, Stored) else None for before in found]
        calls = [
            self._writer.call(definition, before, now, digest=_digest(definition))
            for definition, before in zip(changed, states, strict=True)
            if not self._owes(before, definition)
        ]
        replies = dict(zip([call.schedule_id for call in calls], send(self._client, calls), strict=True))
        return [each.id for each in changed if replies.get(each.id) == b"saved" or self._save(each)]

    def _known(self, names: Sequence[str]) -> list[str | None]:
        """The digests of what was declared before; None also for what is retired."""
        with self._client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hmget(keys.schedule(name), ["digest", "retired"])
            replies = pipe.execute(raise_on_error=False)
        return [_digest_of(reply) for reply in replies]

    def _owes(self, before: Stored | None, definition: Definition) -> bool:
        """Whether ticks of the old rule may have to be decided before it goes."""
        return before is not None and before.active and before.definition.rule != definition.rule

    def _save(self, definition: Definition) -> bool:
        """Save one by itself, again and again while others write meanwhile."""
        reply = "changed"
        for _ in range(_TRIES):
            now = store.time_of(self._client)
            before = self._decider.settled(definition, now)
            reply = self._writer.save(definition, before, now, digest=_digest(definition))
            if reply != "changed":
                break
        if reply not in {"saved", "outdated"}:
            log.error("A declared schedule could not be saved", schedule=definition.id, reason=reply)
        return reply == "saved"

    def _vanished(self, timetable: Timetable) -> list[str]:
        """A schedule that is declared wrongly has not vanished: what it was goes on."""
        known = {name.decode() for name in cast("set[bytes]", self._client.smembers(keys.CODE))}
        return sorted(known - set(timetable.definitions) - set(timetable.problems))

    def _retire(self, name: str) -> bool:
        args = [name, self._release, self._writer.actor]
        return bool(script("retire_schedule")(keys.touched(name), args, self._client))


def _digest(definition: Definition) -> str:
    return hashlib.sha256(definition.text().encode()).hexdigest()


def _digest_of(reply: object) -> str | None:
    digest, retired = reply if isinstance(reply, list) else (None, None)
    return digest.decode() if digest and not retired else None


def _batches(declared: Mapping[str, Definition]) -> Iterator[list[Definition]]:
    definitions = iter(declared.values())
    while batch := list(islice(definitions, _BATCH)):
        yield batch
