"""The language of rules: CEL over what is asked about, compiled once and refused where not safe.

Source: the CEL specification, github.com/google/cel-spec, "Language Definition".
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Literal, TypeAlias

import msgspec
from cel_expr_python import cel

from guildbank_rule.bad_rule import NO_FRACTIONS, BadRule
from guildbank_rule.tree import read_tree
from guildbank_rule.weight import weigh

TEXT, NUMBER = cel.Type.STRING, cel.Type.INT
VARIABLES = {
    "payment.player_id": TEXT,
    "payment.purpose": TEXT,
    "payment.provider": TEXT,
    "payment.product_id": TEXT,
    "payment.country": TEXT,
    "payment.address": TEXT,
    "payment.address_country": TEXT,
    "payment.device": TEXT,
    "payment.money": TEXT,
    "payment.amount_minor": NUMBER,
    "payment.coins": NUMBER,
    "payment.bonus": NUMBER,
    "payment.game_currency": TEXT,
    "payment.annotations": cel.Type.Map(TEXT, TEXT),
    "now": cel.Type.TIMESTAMP,
}
"""What a rule may name. `payment` itself is no variable: each of its fields is one."""
OF_MOVES = {
    "move.verb": TEXT,
    "move.by": TEXT,
    "move.player_id": TEXT,
    "move.players": cel.Type.List(TEXT),
    "move.currency": TEXT,
    "move.amount_minor": NUMBER,
    "move.amounts": cel.Type.Map(TEXT, NUMBER),
    "move.held": cel.Type.BOOL,
    "move.reference": TEXT,
    "move.metadata": cel.Type.Map(TEXT, TEXT),
    "move.annotations": cel.Type.Map(TEXT, TEXT),
    "now": cel.Type.TIMESTAMP,
}
"""The same where it is asked about operations on coins."""
Subject: TypeAlias = Literal["payment", "move"]
NAMES: Mapping[Subject, Mapping[str, cel.Type]] = {"payment": VARIABLES, "move": OF_MOVES}
KEPT = 1_000
"""How many compiled expressions a process keeps."""
NO_CONTAINER = " (in container '')"
"""What the compiler adds to an unknown name, and means nothing here."""
_PLACE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")


class Compiled(msgspec.Struct, frozen=True):
    """An expression, ready to be asked, and how many steps an answer takes at most."""

    expression: cel.Expression
    steps: int


@cache
def environment(subject: Subject = "payment") -> cel.Env:
    """Return the environment in which all rules over a subject are compiled and asked."""
    return cel.NewEnv(variables=NAMES[subject])


@lru_cache(maxsize=KEPT)
def compile_rule(when: str, subject: Subject = "payment") -> Compiled:
    """Return an expression whose type is bool and whose cost is bounded. Raises BadRule."""
    try:
        when.encode()
        expression = environment(subject).compile(when)
    except UnicodeEncodeError:
        raise BadRule("It has half a character (a lone surrogate).") from None
    except RuntimeError as refused:
        raise BadRule(_sentence(str(refused), subject)) from None
    return Compiled(expression, weigh(read_tree(expression.serialize())))


def _sentence(said: str, subject: Subject) -> str:
    """Return what the compiler said first, and advice where it met a fraction."""
    first = said.partition("\n")[0][:300]
    placed = _PLACE.search(first)
    if placed is None:
        told = first.partition(": ")[2].removesuffix(" [CANCELLED]")
    else:
        line, column, told = placed.groups()
        if line != "-1":
            told = f"line {line}, column {column}: {told}"
    advice = ""
    if "double" in told:
        advice = f" {NO_FRACTIONS}"
    elif "undeclared" in told:
        advice = f" A rule may name {', '.join(NAMES[subject])}."
    return f"It does not compile: {told.removesuffix(NO_CONTAINER).rstrip('.')}.{advice}"
