"""Several statements sent as one: a round trip costs a small batch more than what it does."""

import re
from collections.abc import Sequence
from functools import lru_cache

from guildbank.journal.contracts import Statement

_PARAMETER = re.compile(r"\$(\d+)")
_KEPT = 512
"""Texts that are kept: one for each set of shelves that batches met together."""


def joined_reading(statements: Sequence[Statement]) -> Statement:
    """Return one statement whose single row holds, for each of the given, an array of its rows."""
    return Statement(_reading(_shapes(statements)), _arguments(statements))


def joined_writing(statements: Sequence[Statement]) -> Statement:
    """Return one statement that does what the given do. All of them see the data as before it."""
    return Statement(_writing(_shapes(statements)), _arguments(statements))


Shapes = tuple[tuple[str, int], ...]


def _shapes(statements: Sequence[Statement]) -> Shapes:
    return tuple([(one.text, len(one.arguments)) for one in statements])


def _arguments(statements: Sequence[Statement]) -> tuple[object, ...]:
    return tuple([argument for one in statements for argument in one.arguments])


@lru_cache(maxsize=_KEPT)
def _reading(shapes: Shapes) -> str:
    # The texts come from rooms' code, never from input.
    parts = [f"ARRAY(SELECT part FROM ({text}) AS part)" for text in _renumbered(shapes)]  # noqa: S608
    return "SELECT " + ",\n".join(parts)


@lru_cache(maxsize=_KEPT)
def _writing(shapes: Shapes) -> str:
    *first, last = _renumbered(shapes)
    if not first:
        return last
    parts = [f"part_{number} AS ({text})" for number, text in enumerate(first)]
    return "WITH " + ",\n".join(parts) + last


def _renumbered(shapes: Shapes) -> list[str]:
    """Return the texts with their parameters counted on from one to the next."""
    texts, before = [], 0
    for text, count in shapes:
        texts.append(_PARAMETER.sub(lambda found, by=before: f"${int(found[1]) + by}", text))  # type: ignore[misc]
        before += count
    return texts


def words(names: Sequence[str]) -> str:
    """Return names as one text, for `string_to_array`.

    It costs less than a list, whose every element the driver looks at twice. Raises ValueError for
    a name that is empty or has a space.
    """
    text = " ".join(names)
    if names and (text.count(" ") != len(names) - 1 or "  " in f" {text} "):
        raise ValueError("a name of a row is empty or has a space")
    return text
