"""Undeclared query parameters are refused, since a misspelt filter would pass unnoticed."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from litestar.connection import Request
from litestar.routes import BaseRoute, HTTPRoute

from guildbank.infra.http.problems import problem

MAX_PARAMETERS = 50


class _Known(NamedTuple):
    """A route's parameters: all, those that may come several times, those that are no text.

    The decoder would take the word null among the last for a parameter that was left out.
    """

    names: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    nullable: frozenset[str] = frozenset()


class QueryCheck:
    """What runs before each route: known names, each at most once, readable values."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def learn(self, routes: Iterable[BaseRoute]) -> None:
        """Read every route's declared parameters; called once, when the app is built."""
        for route in routes:
            if not isinstance(route, HTTPRoute):
                continue
            for handler, model in route.route_handler_map.values():
                single = {each.field_alias for each in model.expected_query_params}
                several = set(model.sequence_query_parameter_names)
                fields = {each.field_name: each.field_alias for each in model.expected_query_params}
                # To look at the types of a route costs a third of a millisecond.
                nullable = _nullable(handler.signature_model) if fields else set()
                self._known[id(handler)] = _Known(
                    frozenset(single | several),
                    frozenset(several),
                    frozenset(fields[name] for name in nullable & fields.keys()),
                )

    def check(self, request: Request[Any, Any, Any]) -> None:
        """Raise `unknown_field` or `query_invalid`; costs nothing without a query."""
        raw = request.scope["query_string"]
        if not raw or request.route_handler.opt.get("any_query"):
            return
        known = self._known.get(id(request.route_handler), _Known())
        seen: set[str] = set()
        for name, value in read_query(raw):
            if name not in known.names:
                raise problem(
                    "unknown_field",
                    f"The query parameter {name[:64]} is not known to this call.",
                    name[:64],
                )
            if name in seen and name not in known.several:
                raise problem("query_invalid", f"The parameter {name} is given twice.", name)
            if name in known.nullable and value.lower() == "null":
                raise problem(
                    "invalid_value", f"Leave the parameter {name} out instead of null.", name
                )
            if "\x00" in value:
                raise problem("invalid_value", "Text must not contain the character U+0000.", name)
            seen.add(name)


def _nullable(parameters: type[msgspec.Struct]) -> set[str]:
    found = set()
    for field in msgspec.structs.fields(parameters):
        try:
            if msgspec.convert("null", field.type, strict=False) is None:
                found.add(field.name)
        except (msgspec.ValidationError, TypeError):
            continue
    return found


def read_query(raw: bytes) -> list[tuple[str, str]]:
    """Return the pairs of a query string; raises `query_invalid` if it is not UTF-8 or too long."""
    try:
        return parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeError:
        raise problem("query_invalid", "The query is not percent-encoded UTF-8.") from None
    except ValueError:
        raise problem(
            "query_invalid", f"A query has at most {MAX_PARAMETERS} parameters."
        ) from None
