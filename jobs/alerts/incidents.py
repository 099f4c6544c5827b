"""What is wrong now, and what changed: one script judges, so that several processes tell of a change once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import connection
from ..scripts import Value, script
from ..settings import Settings
from . import keys
from .readings import Reading, Rule

_LONGEST = 400  # characters: it becomes the line of a mail, and an argument of a job


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong: the rule, what it is about, in words, and since when people know."""

    rule: Rule
    subject: str
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """An incident that was `fired` or `cleared`."""

    kind: str
    rule: str
    subject: str
    text: str


def active() -> list[Incident]:
    """What is wrong now, the oldest first; as fresh as the last look, some seconds ago. Raises RedisUnavailable."""
    found = []
    for name, raw in connection.read_hash(keys.STATE).items():
        known = json.loads(raw)
        rule, subject = _split(name.decode())
        if "fired" in known and rule in set(Rule):  # a coming release may have rules of its own
            found.append(Incident(Rule(rule), subject, known["text"], datetime.fromtimestamp(known["fired"], UTC)))
    return sorted(found, key=lambda incident: (incident.since, incident.rule, incident.subject))


def judge(seen: Iterable[Reading], settings: Settings) -> list[Change]:
    """Take note of what was seen; gives what began and what ended. Raises RedisUnavailable."""
    args: list[Value] = [settings.alert_after, settings.alert_clear_after, ",".join(settings.alert_channels)]
    for one in seen:
        args += [f"{one.rule}|{one.subject}", one.level, one.text[:_LONGEST], int(one.at_once)]
    with connection.translate_errors():
        said = script("judge_alerts")([keys.STATE, keys.OUTBOX], args, connection.client())
    parts = [part.decode() for part in said]
    return [
        Change(kind, *_split(name), text) for kind, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def _split(name: str) -> tuple[str, str]:
    rule, _, subject = name.partition("|")
    return rule, subject
