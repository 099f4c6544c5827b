"""What a thread does for a client: read the request, let the app answer, send the answer."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData

from .connections import Connection
from .heads import Answer, environ_of

_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers with an app; `may_keep` counts a request and says whether its connection may be used again."""

    app: Any
    cfg: Config
    log: Any
    may_keep: Callable[[], bool]

    def serve(self, connection: Connection) -> bool:
        """Answer one request; gives whether more may come."""
        if connection.is_leaving:
            return connection.drain()
        return self._answer_next(connection) or connection.leave()

    def _answer_next(self, connection: Connection) -> bool:
        try:
            return self._answer(connection.next_request(), connection)
        except (StopIteration, NoMoreData, TimeoutError):
            pass  # the client has gone, or takes too long
        except OSError as error:
            if error.errno not in _GONE:
                self.log.exception("an answer could not be sent")
        except BaseException as error:
            from . import unreadable  # the app's modules, of which the process before the fork has none

            unreadable.refuse(connection.sock, connection.client, error)
        return False

    def _answer(self, request: Any, connection: Connection) -> bool:
        """Gives whether the connection can be used again."""
        line: Any = connection.line  # it does all that an answer asks of a socket
        answer = Answer(request, line, self.cfg)
        if not self.may_keep():
            answer.force_close()
        pieces = self.app(environ_of(request, line, connection.always), answer.start_response)
        try:
            for piece in pieces:
                answer.write(piece)
            answer.close()
            line.flush()
        except OSError:
            raise  # the client's fault, most often
        except Exception:
            if not answer.headers_sent:
                raise
            self.log.exception("an answer broke off")
            return False
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        return not answer.should_close() and connection.finish_request()
