"""Reads the SQL in our Python: which strings are statements, and which relations they name."""

import re
from collections.abc import Iterator

from tests.architecture.tree import Source, strings

_STATEMENT = re.compile(
    r"(?s)\b(SELECT\b.*|INSERT\s+INTO|UPDATE\b.*\bSET|DELETE\s+FROM|COPY\b.*\b(FROM|TO)|"
    r"MERGE\s+INTO|LOCK\s+TABLE|TRUNCATE|(CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?"
    r"(UNLOGGED\s+|UNIQUE\s+|MATERIALIZED\s+)?(TABLE|VIEW|INDEX|TRIGGER|FUNCTION|SEQUENCE))\b"
)
_WHISPERED = re.compile(
    r"(?s)^\s*(select\s.*\sfrom\s|insert\s+into\s|update\s.*\sset\s|delete\s+from\s|"
    r"with\s+\w+\s+as\s*\()"
)
_NOISE = re.compile(
    r"(?is)--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\bFOR\s+NO\s+KEY\s+UPDATE\b(\s+OF\s+[\w, ]+)?|"
    r"\bON\s+(UPDATE|DELETE)\b|\bDO\s+UPDATE\b|\bIS\s+(NOT\s+)?DISTINCT\s+FROM\b|"
    r"\b(EXTRACT|SUBSTRING|TRIM|OVERLAY)\s*\([^()]*\bFROM\b|\b(BEFORE|AFTER)\s+(INSERT|UPDATE)\b"
    r"[^;]*?\bON\b|\bON\s+COMMIT\b|\bREVOKE\b[^;]*"
)
_CTE = re.compile(
    r"(?i)(?:\bWITH(?:\s+RECURSIVE)?|,)\s*(\w+)\s*(?:\([^()]*\)\s*)?AS\s*(?:NOT\s+)?"
    r"(?:MATERIALIZED\s*)?\("
)
_INDEX = re.compile(r"(?i)\bINDEX\b.*?\bON\s+(?:ONLY\s+)?([\w{}.\"]+)")
_TOKEN = re.compile(r"[\w{}.\"$:]+|[(),;]")
_BEFORE = {
    "FROM",
    "JOIN",
    "INTO",
    "UPDATE",
    "TRUNCATE",
    "COPY",
    "REFERENCES",
    "VIEW",
    "TABLE",
    "OF",
}
_BETWEEN = {"ONLY", "LATERAL", "IF", "NOT", "EXISTS", "TABLE", "VALUES"}
_AFTER = {
    "WHERE",
    "ON",
    "SET",
    "JOIN",
    "LEFT",
    "CROSS",
    "INNER",
    "ORDER",
    "GROUP",
    "LIMIT",
    "USING",
}


def statements(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string that holds SQL in upper case, as the house writes it."""
    for line, text in strings(source.syntax):
        if _STATEMENT.search(text):
            yield line, text


def whispered(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line and text of each statement in lower case, which the other checks would miss."""
    for line, text in strings(source.syntax):
        if _WHISPERED.search(text):
            yield line, text


def relations(sql: str) -> set[str]:
    """Return the tables and views that a statement names, without its own WITH names.

    A name that is partly computed (a placeholder in an f-string) keeps its `{}`.
    """
    plain = _NOISE.sub(" ", sql)
    tokens = _TOKEN.findall(plain)
    named = {name.strip('"').lower() for name in _INDEX.findall(plain)}
    for place, token in enumerate(tokens):
        word = token.upper()
        if word in _BEFORE or (word == "USING" and "DELETE" in tokens):
            named.update(_listed(tokens, place + 1, calls=word in {"FROM", "JOIN", "USING"}))
    return named - {name.lower() for name in _CTE.findall(plain)}


def _listed(tokens: list[str], place: int, *, calls: bool) -> Iterator[str]:
    """Yield the relations of a comma list that begins at `place`; with `calls`, skip functions."""
    while place < len(tokens):
        while place < len(tokens) and tokens[place].upper() in _BETWEEN:
            place += 1
        if place == len(tokens) or tokens[place] in "(),;" or tokens[place][0] in "$0123456789":
            return
        called = calls and tokens[place + 1 : place + 2] == ["("]
        if not called and tokens[place].upper() not in {"STDIN", "STDOUT", "SELECT"}:
            yield tokens[place].strip('"').lower()
        place += 1
        # Over the function's arguments, the alias and the alias's columns, to the next comma.
        depth = 0
        while place < len(tokens) and (depth or tokens[place] != ","):
            depth += {"(": 1, ")": -1}.get(tokens[place], 0)
            if depth < 0 or (not depth and tokens[place].upper() in _AFTER | _BEFORE):
                return
            place += 1
        place += 1
        if not calls:
            return
