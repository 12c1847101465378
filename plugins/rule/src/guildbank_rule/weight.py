"""Says what a rule may use and how much an answer may cost, from the tree of its expression.

The compiler knows the types; this forbids what is inexact (fractions, values without a type) and
what could grow (texts and lists that are joined), and counts the steps of the longest way through
the rest. Nothing here runs a rule.
"""

import re

from guildbank_rule.bad_rule import NO_FRACTIONS, BadRule
from guildbank_rule.literals import check_pattern, check_time
from guildbank_rule.tree import CALL, COMPREHENSION, Node

MAX_STEPS = 10_000
"""What one rule may take, and all of a gate together: some milliseconds of a worker."""
MAX_ANNOTATIONS = 50
"""How many annotations a rule looks at: a loop counts as if it had so many turns, or more."""
PATTERN_STEPS = 1_000
"""What one `matches` counts: the pattern is read anew each time that it is asked."""
_SIMPLE = "(bool|int|string|timestamp|duration)"
_USABLE = re.compile(rf"{_SIMPLE}|list\({_SIMPLE}\)|map\({_SIMPLE}, {_SIMPLE}\)")
_OF_TIMES = frozenset({"timestamp", "duration"})


def weigh(root: Node) -> int:
    """Return how many steps an answer takes at most.

    Raises BadRule where the expression is no bool, or uses or costs too much.
    """
    steps = _steps(root)
    if root.type != "bool":
        raise BadRule(f"It gives {root.type}; a rule has to be true or false (bool).")
    if steps > MAX_STEPS:
        raise BadRule(
            f"It could take {steps} steps, more than {MAX_STEPS}: a loop takes the steps of what "
            f"is in it {MAX_ANNOTATIONS} times or more, matches() takes {PATTERN_STEPS}."
        )
    return steps


def _steps(node: Node) -> int:
    """Return the steps of an expression; raises BadRule for what no rule may use."""
    if node.kind == COMPREHENSION:
        return _steps_of_loop(node)
    _check_type(node.type)
    steps = 1 + sum(_steps(part) for part in node.parts)
    if node.kind != CALL:
        return steps
    if node.function == "_+_" and node.type not in {"int", *_OF_TIMES}:
        raise BadRule("It joins texts or lists with +, which rules cannot: compare the parts.")
    return steps + _steps_of_call(node)


def _steps_of_loop(node: Node) -> int:
    source, start, goes_on, turn, result = node.parts
    if start.type.startswith(("list", "map")):
        raise BadRule("map() and filter() make lists; ask with exists(), all() or exists_one().")
    over = _steps(source)
    # Each element of a list that stands in the rule is a step of its own.
    turns = max(MAX_ANNOTATIONS, over)
    each = _steps(goes_on) + _steps(turn)
    return 1 + over + _steps(start) + turns * each + _steps(result)


def _check_type(type_: str) -> None:
    if "double" in type_:
        raise BadRule(f"A number with a fraction stands in it. {NO_FRACTIONS}")
    if "dyn" in type_:
        raise BadRule(
            "Types cannot be checked where dyn() stands, or a list or map that is empty or holds "
            "values of several types."
        )
    if not _USABLE.fullmatch(type_):
        raise BadRule(
            f"A value in it is of another type ({type_}) than rules know: bool, int, string, "
            "timestamp, duration, and lists and maps of these."
        )


def _steps_of_call(call: Node) -> int:
    """Check the texts on which a function depends; return what it counts besides its parts."""
    last = call.parts[-1]
    if call.function in {"_==_", "_!=_"} and last.type.startswith("map"):
        return MAX_ANNOTATIONS
    if call.function == "matches":
        if last.text is None:
            raise BadRule("The pattern of matches() has to stand in the rule, in quotes.")
        check_pattern(last.text)
        return PATTERN_STEPS
    if call.function.startswith("get") and len(call.parts) > 1:
        if last.text is None:
            raise BadRule("The time zone has to stand in the rule, in quotes.")
        check_time("time zone", last.text)
    if call.function in _OF_TIMES and last.text is not None:
        check_time(call.function, last.text)
    return 0
