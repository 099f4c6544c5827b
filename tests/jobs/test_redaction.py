"""What must not be shown, by name and by type."""

import pytest

from jobs import Secret, task
from jobs.redaction import HIDDEN, arguments, is_secret, redacted


@task(name="redaction_tests.call")
def call(address: str, plain: Secret, maybe: Secret | None = None) -> str:
    """Takes secrets under names that say nothing."""
    return plain


@pytest.mark.parametrize(
    "name",
    [
        *("password", "Password", "db_password", "passwd", "secret", "webhookSecret", "API_KEY", "apiKey", "x-api-key"),
        *("Authorization", "cookie", "access_token", "credentials", "private_key", "passphrase"),
        *(
            "password_hash",
            "dbpassword",
            "authtoken",
            "clientsecret",
            "token_of_shop",
            "secretKey",
            "first_pass",
            "pwd",
        ),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["tokens_used", "secretary", "keyboard", "passenger", "compass", "key", "author", "passing", "tokenizer", ""],
)
def test_names_that_only_look_alike(name: str) -> None:
    assert not is_secret(name)


def test_secrets_are_hidden_at_any_depth_and_numbers_stay() -> None:
    given = {"user": "ada", "auth": [{"password": "x", "token": 3, "cookie": None}], "secret": {"a": ["x"]}}
    shown = {"user": "ada", "auth": [{"password": HIDDEN, "token": 3, "cookie": None}], "secret": HIDDEN}
    assert redacted(given) == shown


def test_what_the_task_marks_is_hidden_whatever_its_name() -> None:
    shown = arguments("redaction_tests.call", {"address": "here", "plain": "x", "maybe": "y"})
    assert shown == {"address": "here", "plain": HIDDEN, "maybe": HIDDEN}
    assert arguments("no.such", {"a": 1, "password": "x"}) == {"a": 1, "password": HIDDEN}


def test_the_task_itself_gets_the_text() -> None:
    assert call("here", "x") == "x"
