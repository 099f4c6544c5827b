"""A resource of the API: the routes that share a prefix and a section of the document."""

from __future__ import annotations

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

PREFIX = "/api/v1"


def resource(name: str, module: str, about: str | None, prefix: str | None = PREFIX) -> APIBlueprint:
    """A blueprint whose routes appear in the OpenAPI document; `about` is the module's docstring."""
    tag = Tag(name=name, description=about)
    return APIBlueprint(name, module, url_prefix=prefix, abp_tags=[tag], operation_id_callback=_operation_id)


def _operation_id(*, name: str, path: str, method: str) -> str:
    """The handler's name: generated clients get methods that read well, and a moved route keeps its name."""
    return name
