"""Where messages go: mail, a Slack-compatible address, a signed webhook."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Any
from urllib.parse import urlsplit

from .. import outbound, signing
from ..errors import NightshiftError
from ..settings import Settings
from ..smtp import Server

_SECONDS = 10.0
_REPLY_BYTES = 1024


class NotTold(NightshiftError):
    """A channel did not take a message; it may later."""


@dataclass(frozen=True, slots=True)
class Message:
    """An incident that began or ended, for people."""

    id: str
    kind: str
    rule: str
    subject: str
    text: str
    since: datetime
    at: datetime

    @property
    def title(self) -> str:
        """One line."""
        return f"Nightshift: {self.text}" if self.kind == "fired" else f"Nightshift, over: {self.text}"


def tell(channel: str, message: Message, settings: Settings) -> None:
    """Send a message; raises NotTold. A channel that is no longer set up swallows it."""
    if channel not in settings.alert_channels:
        return
    try:
        _TELL[channel](message, settings)
    except (OSError, outbound.OutboundFailed, outbound.OutboundRefused) as error:  # smtplib's errors are OSErrors
        raise NotTold(f"{channel}: {str(error) or type(error).__name__}") from error


def _mail(message: Message, settings: Settings) -> None:
    if settings.smtp_url is None:
        raise NotTold("ALERT_MAIL needs SMTP_URL")
    with Server.at(settings.smtp_url.get_secret_value()).session() as smtp:
        smtp.send_message(_letter(message, settings), to_addrs=list(settings.alert_mail))


def _letter(message: Message, settings: Settings) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = settings.mail_from, ", ".join(settings.alert_mail)
    letter["Subject"] = " ".join(message.title.split())[:200]
    letter["Date"] = format_datetime(datetime.now(UTC))
    letter["Message-ID"] = make_msgid(message.id, parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost")
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps holiday replies away
    ended = "" if message.kind == "fired" else f"Until: {message.at.isoformat(timespec='seconds')}\n"
    since = message.since.isoformat(timespec="seconds")
    letter.set_content(
        f"{message.title}.\n\nRule: {message.rule}\nSince: {since}\n{ended}Release: {settings.release}\n"
    )
    return letter


def _slack(message: Message, settings: Settings) -> None:
    mark = ":red_circle:" if message.kind == "fired" else ":large_green_circle:"
    body = json.dumps({"text": f"{mark} {_escaped(message.title)}"})
    _post(str(settings.alert_slack_url and settings.alert_slack_url.get_secret_value()), body, {})


def _webhook(message: Message, settings: Settings) -> None:
    names = ("rule", "subject", "text")
    data: dict[str, Any] = {name: getattr(message, name) for name in names} | {"since": message.since.isoformat()}
    kind = f"alert.{message.kind}"
    body = json.dumps({"type": kind, "timestamp": message.at.isoformat(), "data": data}, separators=(",", ":"))
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    try:
        signed = signing.headers([secret], message.id, datetime.now(UTC), body)
    except ValueError as error:
        raise NotTold("WEBHOOK_SECRET must be 'whsec_' and base64 text") from error
    _post(str(settings.alert_webhook_url and settings.alert_webhook_url.get_secret_value()), body, signed)


def _post(url: str, body: str, headers: dict[str, str]) -> None:
    status = asyncio.run(_send(url, body, headers))
    if status // 100 != 2:
        raise NotTold(f"{urlsplit(url).hostname} answered {status}")


async def _send(url: str, body: str, headers: dict[str, str]) -> int:
    """The operator chose the host, so it may be a private one; where it redirects to is judged as ever."""
    sent = {**headers, "Content-Type": "application/json"}
    async with outbound.client(seconds=_SECONDS, trusted=[urlsplit(url).hostname or ""]) as client:
        request = client.build_request("POST", url, headers=sent, content=body.encode())
        return (await outbound.send(client, request, seconds=_SECONDS, max_bytes=_REPLY_BYTES)).status


def _escaped(text: str) -> str:
    """As Slack asks; the name of a task or schedule must not become a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_TELL = {"mail": _mail, "slack": _slack, "webhook": _webhook}
