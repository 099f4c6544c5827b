"""What all shapes of the API are made of."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")

Instant = Annotated[datetime, Field(examples=["2026-11-21T17:00:00.123456Z"])]


class View(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)


class Input(BaseModel):
    """What the API takes: unknown fields are refused, and a number in quotes is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_all_defaults(cls, given: Any) -> Any:
        return {} if given is None else given


def example(**fields: Any) -> ConfigDict:
    """The configuration of a model whose whole is shown by an example: tools would make up every field."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Query(BaseModel):
    """What a query string may say; its values are text, so they are converted."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema; the plain one is built once, because flask-openapi asks for it on every request."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _plain_schema(cls)


@cache
def _plain_schema(model: type[Query]) -> dict[str, Any]:
    return super(Query, model).model_json_schema()


def _only_text(value: Any) -> Any:
    """Pydantic would also take a number, as seconds since 1970, which is more often a mistake than a time."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("must be a date and time as text, such as 2026-11-21T17:00:00+01:00")
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""A whole number, which JSON may spell 60 or 60.0."""


InputTime = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_only_text)]


QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", examples=["default"])]


PLAIN = r"^[^\x00-\x1f\x7f]*$"


Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=PLAIN)]


Pattern = Annotated[str, Field(pattern=r"^[a-z0-9_.*]{1,100}$")]


TEN_YEARS = 3660 * 86400
