"""Compose a mail message, and keep it as a file where there is no server."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import unescape
from pathlib import Path
from typing import Any

import idna

from jobs import Discard, File, current_job

# Most servers refuse more than 25 MB, and base64 makes three bytes four.
MOST_ATTACHED = 18 * 1024 * 1024


def compose(
    sender: str, people: Sequence[str], subject: str, text: str, html: str | None, *, job_id: str
) -> EmailMessage:
    """The message with its headers and its text; a plain text is made from the HTML when none is given."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(people)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{_token(job_id)}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps holiday replies away
    message.set_content(text or _readable(html or ""))
    if html:
        message.add_alternative(html, subtype="html")
    return message


def complete(message: EmailMessage, reply_to: str | None, attachments: Sequence[File]) -> None:
    """Add the answer address and the files; raises Discard when they are too large to mail."""
    if reply_to:
        message["Reply-To"] = reply_to
    size = sum(file.size for file in attachments)
    if size > MOST_ATTACHED:
        raise Discard(
            f"the attachments are {size:,} bytes; a mail carries at most {MOST_ATTACHED:,}: send links instead"
        )
    for file in attachments:
        maintype, subtype = _media_type(file.content_type)
        message.add_attachment(file.read(), maintype=maintype, subtype=subtype, filename=_one_line(file.name))


def keep(message: EmailMessage, folder: Path, job_id: str) -> dict[str, Any]:
    """Write the message into a folder, whole or not at all; a second attempt writes the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{job_id}.eml"
    unfinished = target.with_suffix(".part")
    unfinished.write_bytes(message.as_bytes())
    unfinished.replace(target)
    current_job().log(f"SMTP_URL is not set: the message was written to {target}")
    return {"message_id": message["Message-ID"], "outbox": target.name, "accepted": [], "refused": {}}


def plain(address: str) -> str:
    """The address with its domain as DNS writes it, so that a server without SMTPUTF8 takes it."""
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{idna.encode(domain, uts46=True).decode()}"


def _token(job_id: str) -> str:
    """A long id would be folded, which some versions of the standard library do wrongly for this header."""
    return job_id if len(job_id) <= 48 else hashlib.sha256(job_id.encode()).hexdigest()[:40]


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def _media_type(given: str) -> tuple[str, str]:
    main, _, sub = given.partition(";")[0].strip().partition("/")
    known = re.fullmatch(r"(application|audio|font|image|model|text|video)/[\w.+-]+", f"{main}/{sub}")
    return (main, sub) if known else ("application", "octet-stream")


def _one_line(name: str) -> str:
    return " ".join(name.split()) or "file"


def _readable(html: str) -> str:
    """A plain reading of HTML for programs that show no other; not a renderer."""
    body = re.sub(r"(?is)<(style|script|head)\b.*?</\1\s*>", "", html)
    lines = re.sub(r"(?i)<(br|/p|/div|/tr|/li|/h[1-6])\b[^>]*>", "\n", re.sub(r"\s+", " ", body))
    plain = unescape(re.sub(r"<[^>]+>", "", lines))
    return "\n".join(line.strip() for line in plain.splitlines()).strip() + "\n"
