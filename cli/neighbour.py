"""The other side of the demo: a service on this machine with an API to import from and a receiver of webhooks."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from standardwebhooks import Webhook, WebhookVerificationError

_PER_PAGE = 500


@contextmanager
def neighbour(table: Path, secret: str, port: int = 0) -> Iterator[str]:
    """Serve on this port of loopback, or on a free one; gives the address."""
    with table.open(newline="") as lines:
        server = _neighbour(port, list(csv.DictReader(lines)), secret)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _neighbour(port: int, rows: list[dict[str, str]], secret: str) -> _Neighbour:
    try:
        return _Neighbour(port, rows, secret)
    except OSError:  # somebody else has it by now
        return _Neighbour(0, rows, secret)


class _Neighbour(ThreadingHTTPServer):
    def __init__(self, port: int, rows: list[dict[str, str]], secret: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.rows, self.secret, self.busy = rows, secret, True


class _Handler(BaseHTTPRequestHandler):
    server: _Neighbour

    def do_GET(self) -> None:
        """A page of rows; an empty one after the last."""
        page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
        self._answer(200, {"page": page, "flights": self.server.rows[(page - 1) * _PER_PAGE : page * _PER_PAGE]})

    def do_POST(self) -> None:
        """Take a webhook whose signature is right, but only when asked again."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.busy:
            self.server.busy = False
            self._answer(503, {"reason": "busy, come back later"}, {"Retry-After": "3"})
            return
        try:
            Webhook(self.server.secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError as error:
            self._answer(401, {"reason": str(error)})
        else:
            self._answer(200, {"reason": "thank you"})

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what happens here is seen in the jobs."""
