"""Checks what stands in quotes in a rule, which the compiler takes as it is: patterns and times."""

from functools import cache

import re2
from cel_expr_python import cel

from guildbank_rule.bad_rule import BadRule

LONGEST_PATTERN = 200
PATTERN_BYTES = 32_768
"""What RE2 may take for one pattern: some 1,300 instructions, so that both reading it and asking it
take a fraction of a millisecond, whatever the text is."""
_TEXT = {"text": cel.Type.STRING}
_QUESTIONS = {
    "timestamp": "timestamp(text) == timestamp(text)",
    "duration": "duration(text) == duration(text)",
    "time zone": "timestamp('2026-01-01T00:00:00Z').getHours(text) >= 0",
}


def check_pattern(pattern: str) -> None:
    """Raise BadRule where RE2 cannot use the pattern, or where it becomes too large."""
    if len(pattern) > LONGEST_PATTERN:
        raise BadRule(f"A pattern of matches() has at most {LONGEST_PATTERN} characters.")
    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as refused:
        [said] = refused.args
        raise BadRule(
            f"The pattern {pattern!r} cannot be used: {said.decode(errors='replace')}."
        ) from None


def check_time(kind: str, text: str) -> None:
    """Raise BadRule where CEL cannot read the text as a `timestamp`, `duration` or `time zone`."""
    if _question(kind).eval(data={"text": text}).type() == cel.Type.ERROR:
        raise BadRule(f"{text!r} is no {kind}.")


@cache
def _question(kind: str) -> cel.Expression:
    return cel.NewEnv(variables=_TEXT).compile(_QUESTIONS[kind])
