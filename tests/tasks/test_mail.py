"""Mail reaches a real SMTP server, whole and once."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from jobs import Discard, enqueue, files
from jobs.errors import InvalidArguments
from jobs.inline import Inline
from jobs.registry import find
from jobs.settings import Settings, use_settings
from tasks._smtp import MailDeferred, Server
from tasks.mail import send
from tests.tasks.conftest import PHOTO, Attempts, tls


class Postbox:
    """What a server takes; `answers` overrides what it says to a recipient."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.users: list[str] = []
        self.encrypted: list[bool] = []
        self.answers: dict[str, str] = {}
        self.verdict = "250 OK"

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.verdict.startswith("250"):
            message = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.recipients.append(list(envelope.rcpt_tos))
            self.encrypted.append(session.ssl is not None)
        return self.verdict

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"p@ss/word", handled=False)


class FreePort(Controller):
    """Takes a free port and knows it before it tests the server."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


Start = Callable[..., int]


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def start(postbox: Postbox) -> Iterator[Start]:
    """Start a real SMTP server on a free port, and give the port."""
    running: list[Controller] = []

    def begin(implicit: SSLContext | None = None, **options: Any) -> int:
        controller = FreePort(postbox, hostname="127.0.0.1", port=0, ssl_context=implicit, **options)
        controller.start()
        running.append(controller)
        return int(controller.port)

    yield begin
    for controller in running:
        controller.stop()


@pytest.fixture
def by(settings: Settings) -> Callable[[str], None]:
    """Send mail through this address."""

    def through(url: str) -> None:
        changed = {"NIGHTSHIFT_ENV": "test", "smtp_url": url, "mail_from": "Nightshift <night@example.com>"}
        use_settings(Settings.model_validate(settings.model_dump() | changed))

    return through


By = Callable[[str], None]


def attempts(**more: object) -> Attempts:
    return Attempts("mail.send", {"to": "ann@example.com", "subject": "Hello", "text": "Good morning"} | more)


def test_a_message_arrives_with_all_its_parts(postbox: Postbox, start: Start, by: By, inline: Inline) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    photo = files.store("rocket.jpg", PHOTO.read_bytes(), "image/jpeg")
    table = files.store("a table.csv", b"a,b\n1,2\n", "text/csv; charset=utf-8")
    job = enqueue(
        send,
        ["ann@example.com", "bob@example.com"],
        "Grüße aus Łódź",
        text="Guten Tag",
        html="<p>Guten <b>Tag</b></p>",
        reply_to="desk@example.com",
        attachments=[photo, table],
    )
    (message,) = postbox.messages
    assert postbox.recipients == [["ann@example.com", "bob@example.com"]]
    assert message["Subject"] == "Grüße aus Łódź"
    assert message["From"] == "Nightshift <night@example.com>"
    assert message["To"] == "ann@example.com, bob@example.com"
    assert message["Reply-To"] == "desk@example.com"
    assert message["Message-ID"] == f"<{job.id}@example.com>"
    assert message.get_body(("plain",)).get_content().strip() == "Guten Tag"  # type: ignore[union-attr]
    assert "<b>Tag</b>" in message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    attached = {part.get_filename(): part for part in message.iter_attachments()}
    assert set(attached) == {"rocket.jpg", "a table.csv"}
    assert attached["rocket.jpg"].get_content() == PHOTO.read_bytes()
    assert attached["rocket.jpg"].get_content_type() == "image/jpeg"
    assert job.result["accepted"] == ["ann@example.com", "bob@example.com"]


def test_html_alone_gets_a_plain_reading(postbox: Postbox, start: Start, by: By, inline: Inline) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    html = "<style>p{}</style><h1>Night &amp; day</h1><p>One<br>two</p><script>no()</script>"
    enqueue(send, "ann@example.com", "Hello", html=html)
    plain = postbox.messages[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert plain.split() == ["Night", "&", "day", "One", "two"]


def test_login_after_starttls(postbox: Postbox, start: Start, by: By, inline: Inline, authority: trustme.CA) -> None:
    context = tls(authority, "127.0.0.1")
    port = start(tls_context=context, require_starttls=True, auth_required=True, authenticator=postbox.authenticate)
    by(f"smtp+starttls://ann%40example.com:p%40ss%2Fword@127.0.0.1:{port}")
    enqueue(send, "bob@example.com", "Hello", text="encrypted")
    assert (postbox.users, postbox.encrypted) == (["ann@example.com"], [True])


def test_encryption_from_the_first_byte(
    postbox: Postbox, start: Start, by: By, inline: Inline, authority: trustme.CA
) -> None:
    by(f"smtps://127.0.0.1:{start(implicit=tls(authority, '127.0.0.1'))}")
    enqueue(send, "bob@example.com", "Hello", text="encrypted")
    assert len(postbox.messages) == 1


def test_a_server_with_a_wrong_certificate_gets_nothing(
    postbox: Postbox, start: Start, by: By, authority: trustme.CA
) -> None:
    stranger = trustme.CA()
    for context in (tls(stranger, "127.0.0.1"), tls(authority, "mail.example.com")):
        by(f"smtp+starttls://127.0.0.1:{start(tls_context=context)}")
        with pytest.raises(OSError, match="certificate verify failed"):
            attempts().run()
    assert postbox.messages == []


def test_a_server_without_starttls_gets_nothing(postbox: Postbox, start: Start, by: By) -> None:
    by(f"smtp+starttls://127.0.0.1:{start()}")
    with pytest.raises(Discard, match="STARTTLS"):
        attempts().run()
    assert postbox.messages == []


def test_a_wrong_password_ends_the_job_and_is_not_shown(
    postbox: Postbox, start: Start, by: By, authority: trustme.CA
) -> None:
    port = start(tls_context=tls(authority, "127.0.0.1"), auth_required=True, authenticator=postbox.authenticate)
    by(f"smtp+starttls://ann:secret@127.0.0.1:{port}")
    with pytest.raises(Discard, match="535") as caught:
        attempts().run()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["smtp://ann:pw@mail.example.com", "smtp://", "smtps://host:port", "smtp://h:99999"])
def test_an_address_of_a_server_that_cannot_work_ends_the_job(url: str) -> None:
    with pytest.raises(Discard, match="SMTP_URL") as caught:
        Server.at(url)
    assert "pw" not in str(caught.value)
    assert "pw" not in repr(Server("smtp", "h", 1, "u", "pw"))


def test_a_permanent_refusal_ends_the_job(postbox: Postbox, start: Start, by: By) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    postbox.verdict = "554 5.7.1 looks like spam"
    with pytest.raises(Discard, match=r"554 5\.7\.1 looks like spam"):
        attempts().run()


def test_a_temporary_refusal_is_tried_again_under_the_same_message_id(postbox: Postbox, start: Start, by: By) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    job = attempts()
    postbox.verdict = "451 4.7.1 greylisted"
    with pytest.raises(MailDeferred, match="451") as caught:
        job.run()
    assert find("mail.send").retry.wants(caught.value)
    postbox.verdict = "250 OK"
    assert job.run()["message_id"] == postbox.messages[0]["Message-ID"] == "<a1b2c3@example.com>"


def test_nobody_there_is_tried_again(by: By) -> None:
    by("smtp://127.0.0.1:1024")
    with pytest.raises(OSError, match="refused") as caught:
        attempts().run()
    assert find("mail.send").retry.wants(caught.value)


def test_a_refused_recipient_does_not_keep_the_others_waiting(postbox: Postbox, start: Start, by: By) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    postbox.answers = {"bob@example.com": "550 no such user"}
    result = attempts(to=["ann@example.com", "bob@example.com"]).run()
    assert (result["accepted"], result["refused"]) == (["ann@example.com"], {"bob@example.com": "550 no such user"})


def test_a_recipient_put_off_is_tried_again_without_writing_to_the_others_twice(
    postbox: Postbox, start: Start, by: By
) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    postbox.answers = {"bob@example.com": "450 mailbox busy", "eve@example.com": "550 no such user"}
    job = attempts(to=["ann@example.com", "bob@example.com", "eve@example.com"])
    with pytest.raises(MailDeferred, match=r"bob@example\.com \(450 mailbox busy\)"):
        job.run()
    postbox.answers = {}
    result = job.run()
    assert postbox.recipients == [["ann@example.com"], ["bob@example.com"]]
    assert result["accepted"] == ["ann@example.com", "bob@example.com"]
    assert set(result["refused"]) == {"eve@example.com"}
    job.run()
    assert len(postbox.messages) == 2, "a third attempt has nobody left"


def test_when_all_refuse_the_job_ends(postbox: Postbox, start: Start, by: By) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    postbox.answers = {"ann@example.com": "550 no such user"}
    with pytest.raises(Discard, match="550 no such user"):
        attempts().run()


def test_a_domain_in_another_script_is_written_as_dns_does(postbox: Postbox, start: Start, by: By) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    attempts(to="ann@bücher.example").run()
    assert postbox.recipients == [["ann@xn--bcher-kva.example"]]


def test_without_a_server_the_message_is_kept_as_a_file(settings: Settings, inline: Inline) -> None:
    job = enqueue(send, "ann@example.com", "Hello", text="Good morning")
    (path,) = Path(settings.data_dir, "outbox").iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert (path.name, message["To"]) == (f"{job.id}.eml", "ann@example.com")
    assert job.result["outbox"] == path.name
    assert "SMTP_URL is not set" in inline.log(job.id)[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x85", "\x0b", "\x00"])
def test_a_line_break_cannot_smuggle_a_header_in(end: str) -> None:
    subject = {"subject": f"Hello{end}Bcc: eve@example.com"}
    with pytest.raises(InvalidArguments):
        find("mail.send").validate({"to": "ann@example.com", "text": "x"} | subject)
    for field in ("to", "reply_to"):
        address = {field: f"ann@example.com{end}eve@example.com"}
        with pytest.raises(InvalidArguments):
            find("mail.send").validate({"to": "ann@example.com", "subject": "s", "text": "x"} | address)


def test_the_name_of_a_file_cannot_smuggle_a_header_in(postbox: Postbox, start: Start, by: By, inline: Inline) -> None:
    by(f"smtp://127.0.0.1:{start()}")
    named = files.store("a\r\nBcc: eve@example.com\r\n.txt", b"x", "text/plain\r\nX-Evil: 1")
    enqueue(send, "ann@example.com", "Hello", text="x", attachments=[named])
    message = postbox.messages[0]
    assert message["Bcc"] is None
    (part,) = message.iter_attachments()
    assert part["X-Evil"] is None
    assert part.get_content_type() == "application/octet-stream"


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"html": ""}, {"html": None}])
def test_an_empty_message_is_refused_before_it_is_enqueued(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments) as refused:
        find("mail.send").validate({"to": "ada@example.org", "subject": "hello", **body})
    assert [problem.pointer for problem in refused.value.problems] == ["/html"]
    assert "give `text`, `html` or both" in refused.value.problems[0].message


def test_a_message_too_large_ends_the_job(by: By, inline: Inline, monkeypatch: pytest.MonkeyPatch) -> None:
    by("smtp://127.0.0.1:1024")
    monkeypatch.setattr("tasks._message.MOST_ATTACHED", 10)
    with pytest.raises(Discard, match="send links instead"):
        enqueue(send, "ann@example.com", "Hello", text="x", attachments=[files.store("a", b"x" * 11, "text/plain")])


@pytest.mark.parametrize(
    "wrong",
    [{"to": "nobody"}, {"to": []}, {"subject": ""}, {"reply_to": "x"}, {"attachments": ["x"]}, {"bcc": "a@b.c"}],
)
def test_wrong_arguments_are_refused_before_a_job_exists(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArguments):
        find("mail.send").validate({"to": "ann@example.com", "subject": "Hello", "text": "x"} | wrong)
