"""Examples composed from schemas, so that documentation shows what the decoder would take."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
_DEPTH = 6
_BY_FORMAT = {
    "date-time": "2026-11-21T10:00:00Z",
    "date": "2026-11-21",
    "uuid": "018f3c1e-7d5a-7cc1-9d59-6a0e9e3c6f01",
    "uri": "https://game.example/return",
    "email": "player@game.example",
}


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
        return {
            field: example_of(member, components, depth + 1, field)
            for field, member in schema.get("properties", {}).items()
        }
    if kind == "array" and depth < _DEPTH and schema.get("items"):
        return [example_of(schema["items"], components, depth + 1, name)]
    if schema.get("default") is not None:
        return schema["default"]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", "")) or _text(name)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"object": {}, "array": [], "boolean": True}.get(str(kind))


def _text(name: str) -> str:
    """Return an id for a member that is named like one, else a word."""
    kind = name.removesuffix("Id").lower() if name != "id" else "obj"
    return f"{kind}_01kag3pyqmf9aag12vtrsy70ps" if name.endswith(("Id", "id")) else "text"
