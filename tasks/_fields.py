"""Kinds of arguments that several tasks take, checked before a job is accepted."""

from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, StringConstraints, TypeAdapter, ValidationError

_http_url: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _web_address(text: str) -> str:
    try:
        return str(_http_url.validate_python(text))
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None


WebAddress = Annotated[str, Field(max_length=2000, json_schema_extra={"format": "uri"}), AfterValidator(_web_address)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,2000}$")]
Headers = dict[HeaderName, HeaderValue]
