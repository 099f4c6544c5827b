"""Tasks are defined, found and checked without any server."""

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import pytest

from jobs import File, Retry, registry, task
from jobs.errors import InvalidArguments, TaskDefinitionError, UnknownTask


@task(name="tests.resize", queue="high", timeout=30, retry=5)
def resize(photo: File, width: int = 320, kind: Literal["jpeg", "png"] = "jpeg") -> dict[str, Any]:
    """Make a photo smaller.

    The second paragraph is for readers of the code.
    """
    return {"photo": photo, "width": width, "kind": kind}


@task(name="tests.bill")
async def bill(day: date, amounts: list[float]) -> str:
    """Add up a day."""
    return f"{day.isoformat()}: {sum(amounts)}"


def test_a_task_is_still_the_same_function() -> None:
    photo = File("file_" + "0" * 32)
    assert resize(photo, width=10) == {"photo": photo, "width": 10, "kind": "jpeg"}


def test_a_task_knows_how_it_is_run() -> None:
    found = registry.find("tests.resize")
    assert (found.queue, found.timeout, found.retry, found.is_async) == ("high", 30, Retry(max=5), False)
    assert found.description == "Make a photo smaller."
    assert registry.task_of(bill).is_async


def test_the_schema_tells_a_client_what_to_send() -> None:
    schema = registry.find("tests.resize").schema()
    assert schema["required"] == ["photo"]
    assert schema["properties"]["photo"]["format"] == "file-id"
    assert schema["properties"]["kind"]["enum"] == ["jpeg", "png"]
    assert schema["additionalProperties"] is False


def test_an_unknown_name_is_told_the_tasks_of_the_user_only() -> None:
    registry.task(name=f"{registry.INTERNAL}tested")(lambda: None)
    with pytest.raises(UnknownTask) as unknown:
        registry.find("tests.resise")
    assert registry.INTERNAL not in str(unknown.value)


def test_an_unknown_task_names_those_that_exist() -> None:
    with pytest.raises(UnknownTask, match=r"no task is named 'tests.resise'.*tests\.resize"):
        registry.find("tests.resise")


def test_arguments_become_json_and_come_back_as_what_the_function_takes() -> None:
    found = registry.task_of(bill)
    stored = found.validate({"day": date(2026, 11, 21), "amounts": ["1.5", 2]})
    assert stored == {"day": "2026-11-21", "amounts": [1.5, 2.0]}
    assert found.restore(stored) == {"day": date(2026, 11, 21), "amounts": [1.5, 2.0]}


def test_every_wrong_argument_is_named_at_once() -> None:
    with pytest.raises(InvalidArguments) as caught:
        registry.task_of(resize).validate({"photo": "me.jpg", "width": "wide", "colour": 1})
    assert [problem.pointer for problem in caught.value.problems] == ["/photo", "/width", "/colour"]
    assert caught.value.problems[0].value == "me.jpg"
    assert "file id" in caught.value.problems[0].message


@task(name="tests.invite")
def invite(to: str | list[str], when: dict[str, date] | None = None) -> None:
    """Ask some people to come."""


def test_a_pointer_leads_into_what_was_sent_also_through_a_union() -> None:
    with pytest.raises(InvalidArguments) as caught:
        registry.task_of(invite).validate({"to": ["Ada", 1], "when": {"a/b": "soon"}})
    assert {problem.pointer for problem in caught.value.problems} == {"/to", "/to/1", "/when/a~1b"}


def test_a_name_is_not_a_function() -> None:
    with pytest.raises(TypeError, match=r"'tests.invite' is not a task's function"):
        registry.task_of("tests.invite")  # type: ignore[arg-type]


def test_defaults_are_left_to_the_function_so_that_a_deploy_can_change_them() -> None:
    assert registry.task_of(resize).validate({"photo": "file_" + "0" * 32}) == {"photo": "file_" + "0" * 32}


def unannotated(to, subject: str) -> None:  # type: ignore[no-untyped-def]
    """A function that JSON arguments cannot be checked for."""


def starred(*to: str) -> None:
    """A function whose arguments have no names."""


def unknown_annotation(to: "Recipient") -> None:  # type: ignore[name-defined]  # noqa: F821
    """A function that names a type that does not exist."""


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (unannotated, "parameter 'to' needs an annotation"),
        (starred, r"\*to: str is not possible, because arguments are passed by name"),
        (unknown_annotation, "'Recipient' is not defined"),
    ],
)
def test_a_function_that_cannot_be_a_task_fails_at_definition(function: Callable[..., Any], reason: str) -> None:
    with pytest.raises(TaskDefinitionError, match=reason):
        task(name="tests.broken")(function)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"name": "Mail.Send"}, "name must be lower-case words"),
        ({"queue": "so so"}, "queue 'so so' must be letters"),
        ({"timeout": 0}, "timeout must be 1 to 86400 seconds, not 0"),
        ({"result_ttl": -1}, "result_ttl must be above 0 seconds, not -1"),
    ],
)
def test_a_wrong_option_fails_at_definition(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(TaskDefinitionError, match=reason):
        task(**({"name": "tests.broken"} | options))(lambda: None)


def test_two_functions_cannot_share_a_name() -> None:
    def other() -> None:
        """Another function."""

    with pytest.raises(TaskDefinitionError, match=r"two functions are named 'tests.bill'"):
        task(name="tests.bill")(other)
