"""Hand a message to an SMTP server, and tell what it refused for good from what it put off."""

import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from jobs import Discard, current_job
from jobs.smtp import Server as Server

_PERMANENT = 500

Refusals = dict[str, tuple[int, bytes]]


class MailDeferred(Exception):
    """The server did not take the message for some recipients now; it may later."""


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
