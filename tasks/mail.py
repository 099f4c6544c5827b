"""Mail: text, HTML and attachments over SMTP, or into a folder while there is no server."""

from typing import Annotated, Any

from pydantic import AfterValidator, EmailStr, Field, StringConstraints, ValidationInfo

from jobs import File, Retry, current_job, task
from jobs.settings import current_settings

# A line break in a header would start a header of its own, such as a hidden Bcc.
_NO_BREAKS = r"^[^\x00-\x1f\x7f\x85\u2028\u2029]*$"
OneLine = Annotated[str, StringConstraints(min_length=1, max_length=900, pattern=_NO_BREAKS)]


def _not_empty(html: str | None, info: ValidationInfo) -> str | None:
    if not (html or info.data.get("text", "given and wrong")):
        raise ValueError("the message is empty: give `text`, `html` or both")
    return html


Html = Annotated[str, Field(max_length=1_000_000)] | None
Recipients = EmailStr | Annotated[list[EmailStr], Field(min_length=1, max_length=100)]


@task(timeout=120, retry=Retry(max=6, base=15, cap=3600))
def send(
    to: Recipients,
    subject: OneLine,
    text: Annotated[str, Field(max_length=1_000_000)] = "",
    html: Annotated[Html, Field(validate_default=True), AfterValidator(_not_empty)] = None,
    reply_to: EmailStr | None = None,
    attachments: Annotated[list[File], Field(max_length=20)] | None = None,
) -> dict[str, Any]:
    """Send one message to one or several people, through SMTP_URL; without it, into the outbox folder as an .eml file.

    The Message-ID comes from the job's id and is the same in every attempt. Recipients that a server refuses for
    good are named in the result; those it puts off are tried again, without writing to the others twice.
    """
    from . import _message, _smtp  # the web process needs neither

    settings, job = current_settings(), current_job()
    people = list(dict.fromkeys(_message.plain(person) for person in ([to] if isinstance(to, str) else to)))
    message = _message.compose(settings.mail_from, people, subject, text, html, job_id=job.id)
    _message.complete(message, reply_to, attachments or [])
    if settings.smtp_url is None:
        return _message.keep(message, settings.data_dir / "outbox", job.id)
    return _smtp.deliver(message, people, _smtp.Server.at(settings.smtp_url.get_secret_value()))
