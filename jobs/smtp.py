"""A connection to the SMTP server that SMTP_URL names."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .retries import Discard

_SECONDS = 30
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes: `smtp://` in the clear, `smtps://` encrypted, `smtp+starttls://` encrypted before the login."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @classmethod
    def at(cls, url: str) -> Server:
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
