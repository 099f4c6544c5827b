"""Which route has an address: those without parts that vary are looked up, where Werkzeug would walk its map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.routing import Map, MapAdapter, Rule

Fixed = Mapping[tuple[str, str], Rule]


def fixed_addresses(rules: Map) -> Fixed:
    """The routes of one address each, by it and the method."""
    plain = [rule for rule in rules.iter_rules() if not (rule.arguments or _is_special(rule))]
    return {(rule.rule, method): rule for rule in reversed(plain) for method in rule.methods or ()}


def _is_special(rule: Rule) -> bool:
    return bool(rule.build_only or rule.redirect_to or rule.alias or rule.websocket or rule.subdomain or rule.host)


class Adapter(MapAdapter):
    """As Werkzeug's, which finds all that is not here: what varies, redirects, and why nothing is found."""

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
