"""Hand a message to an SMTP server, and tell what it refused for good from what it put off."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from jobs import Discard, current_job

_SECONDS = 30
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_PERMANENT = 500

Refusals = dict[str, tuple[int, bytes]]


class MailDeferred(Exception):
    """The server did not take the message for some recipients now; it may later."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes: `smtp://` in the clear, `smtps://` encrypted, `smtp+starttls://` encrypted before the login."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @classmethod
    def at(cls, url: str) -> "Server":
        """Read SMTP_URL; user and password may be percent-encoded. Raises Discard, without showing the password."""
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        try:
            server = cls(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme], user, password)
        except (KeyError, ValueError):
            raise Discard(f"SMTP_URL must be one of {', '.join(_PORTS)}://user:password@host:port") from None
        server._check()
        return server

    def _check(self) -> None:
        if not self.host:
            raise Discard("SMTP_URL names no host")
        if self.user and self.scheme == "smtp" and self.host not in {"localhost", "127.0.0.1", "::1"}:
            raise Discard("SMTP_URL would send the password in the clear: use smtp+starttls:// or smtps://")

    @contextmanager
    def session(self) -> Iterator[smtplib.SMTP]:
        """A connection, encrypted and logged in as the address says; certificates are always checked."""
        context = ssl.create_default_context()  # reads SSL_CERT_FILE, for a private authority
        smtp = self._connection(context)
        try:
            if self.scheme == "smtp+starttls":
                smtp.starttls(context=context)
            if self.user:
                smtp.login(self.user, self.password)
            yield smtp
        finally:
            _leave(smtp)

    def _connection(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.scheme == "smtps":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=_SECONDS)


def _leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye; a server that is gone by then has taken the message all the same, so it must not be sent again."""
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()


def deliver(message: EmailMessage, people: Sequence[str], server: Server) -> dict[str, Any]:
    """Send to those that no earlier attempt has reached.

    Raises MailDeferred while a recipient is put off, Discard when all are refused for good.
    """
    job = current_job()
    accepted, refused = _earlier(job.state)
    refusals = _attempt(message, [p for p in people if p not in accepted and p not in refused], server)
    refused |= {person: _words(said) for person, said in refusals.items() if said[0] >= _PERMANENT}
    put_off = {person: _words(said) for person, said in refusals.items() if said[0] < _PERMANENT}
    accepted = [p for p in people if p not in refused and p not in put_off]
    job.checkpoint({"accepted": accepted, "refused": refused})
    return _outcome(message["Message-ID"], accepted, refused, put_off)


def _earlier(state: Any) -> tuple[list[str], dict[str, str]]:
    return (list(state["accepted"]), dict(state["refused"])) if state else ([], {})


def _attempt(message: EmailMessage, people: Sequence[str], server: Server) -> Refusals:
    """Who was refused, and how. Network trouble passes through and is retried."""
    if not people:
        return {}
    try:
        with server.session() as smtp:
            return smtp.send_message(message, to_addrs=people)
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients
    except smtplib.SMTPNotSupportedError as error:
        raise Discard(f"{server.host} cannot take this message: {error}") from error
    except smtplib.SMTPResponseException as error:
        raise _judged(server, error) from error


def _judged(server: Server, error: smtplib.SMTPResponseException) -> Exception:
    """RFC 5321, 4.2.1: 5yz is final, 4yz is for now."""
    text = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
    said = _words((error.smtp_code, text))
    if error.smtp_code >= _PERMANENT:
        return Discard(f"{server.host} refused: {said}")
    return MailDeferred(f"{server.host} put it off: {said}")


def _outcome(message_id: str, accepted: list[str], refused: dict[str, str], put_off: dict[str, str]) -> dict[str, Any]:
    if put_off:
        raise MailDeferred("put off: " + "; ".join(f"{person} ({said})" for person, said in put_off.items()))
    if not accepted:
        raise Discard("refused: " + "; ".join(f"{person} ({said})" for person, said in refused.items()))
    return {"message_id": message_id, "outbox": None, "accepted": accepted, "refused": refused}


def _words(said: tuple[int, bytes]) -> str:
    return f"{said[0]} {' '.join(said[1].decode(errors='replace').split())}"[:300]
