"""The look around: who looks, how often, and what is told when not even Redis answers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from .. import connection, logs
from ..errors import RedisUnavailable
from ..settings import Settings
from . import incidents, keys, telling
from .channels import Message, NotTold, tell
from .readings import Rule, look, readings

_MOST_UNTOLD = 20

log = logs.get_logger(__name__)


@dataclass(slots=True)
class Outage:
    """An outage of Redis as this process knows it: nothing can be written down then. Durations are seconds."""

    began: datetime | None = None
    ended: datetime | None = None
    fired: bool = False

    def fails(self, now: datetime, after: float) -> bool:
        """Note that Redis does not answer; whether it is time to say so."""
        self.began, self.ended = self.began or now, None
        late = not self.fired and (now - self.began).total_seconds() >= after
        self.fired |= late
        return late

    def answers(self, now: datetime, after: float) -> bool:
        """Note that it answers; whether it is time to say that it does so again."""
        if not self.fired:
            self.began = None
            return False
        self.ended = self.ended or now
        return (now - self.ended).total_seconds() >= after


class Watch:
    """Looks around for one process; of all that call `turn`, the one with the lease does.

    The web process calls it: it is the one that still runs, and has a way out, when workers or the clock are what is
    broken. The lease saves the others the work; that a change is told once is the script's doing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = secrets.token_hex(8).encode()
        self._leads: bool | None = None  # None as long as nobody could be asked
        self._outage = Outage()
        self._untold: list[tuple[str, Message]] = []

    def turn(self, now: datetime) -> None:
        """Look once, and tell what changed. An outage of Redis is one of the things that are told."""
        try:
            self._leads = self._hold()
            if self._leads:
                self._look(now)
        except RedisUnavailable as error:
            if self._outage.fails(now, self._settings.alert_redis_after):
                self._note("fired", f"Redis does not answer ({error})", now)
        else:
            if self._outage.answers(now, self._settings.alert_clear_after):
                self._note("cleared", "Redis answers again", now)
                self._outage = Outage()
        self._untold = [pair for pair in self._untold if not self._told(*pair)][:_MOST_UNTOLD]

    def _hold(self) -> bool:
        client, life = connection.client(), round(3 * self._settings.alert_every) + 1
        with connection.translate_errors():
            if client.set(keys.LEASE, self._name, nx=True, ex=life):
                return True
            return client.get(keys.LEASE) == self._name and bool(client.expire(keys.LEASE, life))

    def _look(self, now: datetime) -> None:
        world = look(now, self._settings)
        for change in incidents.judge(readings(world), self._settings):
            _say(change.kind, change.rule, change.text)
        telling.tell_all(self._settings, jobs_run=world.jobs_run)

    def _note(self, kind: str, text: str, now: datetime) -> None:
        """Only who led before tells of an outage, or anyone when nobody ever could."""
        if self._leads is False or Rule.REDIS not in self._settings.alert_rules:
            return
        _say(kind, Rule.REDIS, text)
        since = self._outage.began or now
        message = Message(f"alert_{secrets.token_hex(8)}", kind, Rule.REDIS, "", text, since, now)
        self._untold += [(channel, message) for channel in self._settings.alert_channels]

    def _told(self, channel: str, message: Message) -> bool:
        try:
            tell(channel, message, self._settings)
        except NotTold as error:
            log.warning("An alert was not told", channel=channel, alert=message.text, reason=str(error))
            return False
        return True


def _say(kind: str, rule: str, text: str) -> None:
    said = log.warning if kind == "fired" else log.info
    said(f"Alert {kind}", rule=rule, alert=text)
