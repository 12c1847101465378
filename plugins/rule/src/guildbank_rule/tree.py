"""Reads the tree of a checked expression, so that a rule can be weighed before it is kept.

The compiler hands it out as `cel.expr.CheckedExpr` in the encoding of Protocol Buffers; the numbers
here are those of its fields. Source: github.com/google/cel-spec, `proto/cel/expr/checked.proto` and
`syntax.proto`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

PACKED, TYPES, EXPRESSION = 2, 3, 4
CONSTANT, CALL, STRUCT, COMPREHENSION = 3, 6, 8, 9
PARTS: Mapping[int, Sequence[int]] = {
    CONSTANT: (),
    4: (),  # an identifier
    5: (1,),  # a field of something
    CALL: (1, 3),
    7: (1,),  # a list
    STRUCT: (),  # its entries are messages of their own
    COMPREHENSION: (2, 4, 5, 6, 7),
}
"""Where the parts of each kind of expression stand."""
DYN, LIST, MAP = 1, 6, 7
NAMES = {
    3: {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"},
    5: {1: "any", 2: "timestamp", 3: "duration"},
}
"""What CEL calls its primitive and its well-known types."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """An expression: its kind (a field number of `Expr`), its type and its parts in order.

    `function` is the name of what is called, `text` is that of a constant text.
    """

    kind: int
    type: str
    function: str = ""
    text: str | None = None
    parts: Sequence["Node"] = ()


def read_tree(serialized: bytes) -> Node:
    """Return the tree of what `Expression.serialize` returned."""
    checked = _read(_read(serialized)[PACKED][0])
    types = {}
    for entry in map(_read, checked[TYPES]):
        types[entry[1][0]] = _type(entry[2][0])
    return _node(checked[EXPRESSION][0], types)


def _node(encoded: bytes, types: Mapping[int, str]) -> Node:
    expression = _read(encoded)
    [kind] = expression.keys() & PARTS.keys()
    body = _read(expression[kind][0])
    parts = [part for place in PARTS[kind] for part in body[place]]
    if kind == STRUCT:
        entries = map(_read, body[2])
        parts = [part for entry in entries for place in (3, 4) for part in entry[place]]
    texts = body[6] if kind == CONSTANT else ()
    return Node(
        kind=kind,
        # What has no type could be anything, and is refused.
        type=types.get(expression[2][0], "dyn"),
        function=body[2][0].decode() if kind == CALL else "",
        text=texts[0].decode() if texts else None,
        parts=[_node(part, types) for part in parts],
    )


def _type(encoded: bytes) -> str:
    """Return a type as CEL writes it."""
    [(kind, [value])] = _read(encoded).items()
    if kind == DYN:
        return "dyn"
    if kind in (LIST, MAP):
        within = ", ".join(_type(part) for [part] in _read(value).values())
        return f"{'list' if kind == LIST else 'map'}({within})"
    return NAMES.get(kind, {}).get(value, "null, a message or a type")


def _read(message: bytes) -> Mapping[int, Sequence[Any]]:
    """Return the fields of a message by their numbers; a field that is not there is empty."""
    fields: dict[int, list[Any]] = defaultdict(list)
    found = UnknownFieldSet(Empty.FromString(message))
    for field in (found[place] for place in range(len(found))):
        fields[field.field_number].append(field.data)
    return fields
