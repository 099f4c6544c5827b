"""Put what the code declares into Redis, unless a newer release has done so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from ..connection import Client
from ..scripts import script
from ..settings import Settings
from . import keys, store, writing
from .deciding import Decider
from .declaring import Timetable
from .definitions import Definition, in_zone
from .leases import Lease

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
        self._actor = f"release {settings.release}"
        self._decider = Decider(client, settings, lease)

    def run(self, timetable: Timetable) -> Report:
        if self._release and not script("claim_release")([keys.RELEASE], [self._release], self._client):
            return Report(outdated=True)
        self._tell(timetable.problems)
        changed = self._changed(timetable.definitions)
        saved = [definition.id for definition, digest in changed if self._save(definition, digest)]
        retired = [name for name in self._vanished(timetable) if self._retire(name)]
        return Report(tuple(saved), tuple(retired))

    def _tell(self, problems: Mapping[str, str]) -> None:
        with self._client.pipeline() as pipe:
            pipe.delete(keys.PROBLEMS)
            if problems:
                pipe.hset(keys.PROBLEMS, mapping=dict(problems.items()))
            pipe.execute()

    def _changed(self, declared: Mapping[str, Definition]) -> Iterator[tuple[Definition, str]]:
        names = iter(declared)
        while batch := list(islice(names, _BATCH)):
            for name, known in zip(batch, self._known(batch), strict=True):
                definition = in_zone(declared[name], self._settings.timezone)
                digest = _digest(definition)
                if known != [digest.encode(), None]:
                    yield definition, digest

    def _known(self, names: Sequence[str]) -> list[list[bytes | None]]:
        with self._client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hmget(keys.schedule(name), ["digest", "retired"])
            return pipe.execute()

    def _save(self, definition: Definition, digest: str) -> bool:
        writer = writing.Writer(self._client, self._actor, self._release)
        for _ in range(_TRIES):
            now = store.time_of(self._client)
            reply = writer.save(definition, self._decider.settled(definition, now), now, digest=digest)
            if reply != "changed":
                return reply == "saved"
        return False

    def _vanished(self, timetable: Timetable) -> list[str]:
        """A schedule that is declared wrongly has not vanished: what it was goes on."""
        known = {name.decode() for name in cast("set[bytes]", self._client.smembers(keys.CODE))}
        return sorted(known - set(timetable.definitions) - set(timetable.problems))

    def _retire(self, name: str) -> bool:
        return bool(script("retire_schedule")(keys.touched(name), [name, self._release, self._actor], self._client))


def _digest(definition: Definition) -> str:
    return hashlib.sha256(definition.text().encode()).hexdigest()
