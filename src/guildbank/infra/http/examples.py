"""Examples composed from schemas, so that documentation shows what the decoder would take."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias, get_args

import msgspec

from guildbank.infra.http.schema import Body, View

Json: TypeAlias = dict[str, Any]
_DEPTH = 6
_BY_FORMAT = {
    "date-time": "2026-11-21T10:00:00Z",
    "date": "2026-11-21",
    "uuid": "018f3c1e-7d5a-7cc1-9d59-6a0e9e3c6f01",
    "uri": "https://game.example/return",
    "email": "player@game.example",
}
_BY_NAME = {"currency": "GEM", "name": "Gems", "next": "WzEwMF0"}


def complete(components: Json) -> None:
    """Put into the schemas what msgspec leaves out: members' examples, and that a text is a time.

    It calls a text a time only where every time must have an offset; ours always have one.
    """
    kinds: list[type[msgspec.Struct]] = [*_kinds(Body), *_kinds(View)]
    for kind in kinds:
        members = components.get(kind.__name__, {}).get("properties", {})
        for member in msgspec.structs.fields(kind):
            if member.encode_name in members:
                _tell_time(members[member.encode_name], member.type)
        for base in reversed(kind.__mro__):
            for name, value in vars(base).get("__example__", {}).items():
                if members:
                    members[name]["examples"] = [value]


def _kinds(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _tell_time(schema: Json, kind: Any) -> None:
    if kind is datetime or datetime in get_args(kind):
        for one in schema.get("anyOf", [schema]):
            if one.get("type") == "string":
                one["format"] = "date-time"


def example_of(schema: Json, components: Json, depth: int = 0, name: str = "") -> Any:
    """Return a value for `schema`: its own example, else one made of its members' examples."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rsplit("/", 1)[-1]], components, depth, name)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            kinds = [kind for kind in schema[keyword] if kind != {"type": "null"}]
            return example_of(kinds[0], components, depth, name)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    return _by_type(schema, components, depth, name)


def _by_type(schema: Json, components: Json, depth: int, name: str) -> Any:
    kind = schema.get("type")
    if kind == "object" and depth < _DEPTH:
        made = {
            field: example_of(member, components, depth + 1, field)
            for field, member in schema.get("properties", {}).items()
        }
        # Input leaves out what it does not say; an answer shows its null.
        closed = schema.get("additionalProperties") is False
        return {field: value for field, value in made.items() if not closed or value is not None}
    if kind == "array" and depth < _DEPTH and schema.get("items"):
        return [example_of(schema["items"], components, depth + 1, name)]
    if schema.get("default") is not None:
        return schema["default"]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", "")) or _BY_NAME.get(name) or _text(name)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"object": {}, "array": [], "boolean": True}.get(str(kind))


def _text(name: str) -> str:
    """Return an id for a member that is named like one, else a word."""
    kind = name.removesuffix("Id").lower() if name != "id" else "obj"
    return f"{kind}_01kag3pyqmf9aag12vtrsy70ps" if name.endswith(("Id", "id")) else "text"
