"""Under which name we are asked, and which route has an address: what Werkzeug works out, found with less work."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flask import Request
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wsgi import get_host

Fixed = Mapping[tuple[str, str], Rule]


def fixed_addresses(rules: Map) -> Fixed:
    """The routes of one address each, by it and the method."""
    plain = [rule for rule in rules.iter_rules() if not (rule.arguments or _is_special(rule))]
    return {(rule.rule, method): rule for rule in reversed(plain) for method in rule.methods or ()}


def _is_special(rule: Rule) -> bool:
    return bool(rule.build_only or rule.redirect_to or rule.alias or rule.websocket or rule.subdomain or rule.host)


def host_of(request: Request, trusted: list[str] | None) -> str:
    """The host that a request names, with its port. Raises SecurityError when it is not among the trusted ones."""
    of = request.environ.get
    return _checked_host(request.scheme, of("HTTP_HOST"), of("SERVER_NAME"), of("SERVER_PORT"), tuple(trusted or ()))


@lru_cache(maxsize=64)
def _checked_host(scheme: str, given: str | None, name: str | None, port: str | None, trusted: tuple[str, ...]) -> str:
    """The few names that this web has, checked once each; an error is not kept."""
    said = {"wsgi.url_scheme": scheme, "SERVER_NAME": name, "SERVER_PORT": port, "HTTP_HOST": given}
    return get_host(said, trusted or None)


class Adapter(MapAdapter):
    """Looks up the routes without parts that vary; Werkzeug finds the others, redirects, and why nothing is found."""

    def __init__(self, fixed: Fixed, *args: Any) -> None:
        super().__init__(*args)
        self._fixed = fixed

    def match(self, *args: Any, **kwargs: Any) -> Any:
        """The route of this request, as Flask asks for it, or of whatever address is asked for."""
        if not args and kwargs == {"return_rule": True}:
            rule = self._fixed.get((self.path_info, self.default_method))
            if rule is not None:
                return rule, {}
        return super().match(*args, **kwargs)
