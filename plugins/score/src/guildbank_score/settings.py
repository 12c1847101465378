"""Reads the rules, and finds those that look at nothing, at two things, or never hold."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec
from iso4217 import Currency

from guildbank.plugin_api import SettingProblem
from guildbank_score.manifest import MOST_COUNTED

MONEYS = frozenset(one.value for one in Currency if one.exponent is not None)
SUBJECTS = ("annotation", "history", "price_in")
History = Literal["purchases", "paid", "returned", "declines"]


class Rule(msgspec.Struct, frozen=True):
    """Points for one fact. The fact is the one of `annotation`, `history` and `price_in` set."""

    code: str
    points: int
    detail: str
    annotation: str | None = None
    values: Sequence[str] | None = None
    missing: bool = False
    history: History | None = None
    within_hours: int | None = None
    price_in: str | None = None
    at_least: int | None = None
    at_most: int | None = None

    @property
    def window(self) -> timedelta:
        """How far back it counts."""
        return timedelta(hours=self.within_hours or 0)

    @property
    def is_bounded(self) -> bool:
        """Whether it compares a number."""
        return self.at_least is not None or self.at_most is not None


class Settings(msgspec.Struct, frozen=True):
    """All rules; those that hold add up."""

    rules: Sequence[Rule]


def read(settings: Mapping[str, Any]) -> Settings:
    """Return the settings; raises what msgspec does where they do not fit."""
    return msgspec.convert(dict(settings), Settings)


def problems(settings: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Yield what is wrong with the rules."""
    try:
        rules = read(settings).rules
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="rules", detail=f"They do not fit the schema: {error}.")
        return
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules):
        first = seen.setdefault(rule.code, number)
        if first != number:
            yield _problem(number, ".code", f"rules.{first} has the same code.")
        if rule.points == 0:
            yield _problem(number, ".points", "It adds nothing.")
        for place, detail in _of_one(rule):
            yield _problem(number, place, detail)


def _problem(number: int, place: str, detail: str) -> SettingProblem:
    return SettingProblem(field=f"rules.{number}{place}", detail=detail)


def _of_one(rule: Rule) -> Iterator[tuple[str, str]]:
    subjects = [name for name in SUBJECTS if getattr(rule, name) is not None]
    if len(subjects) != 1:
        yield "", f"It looks at one of {', '.join(SUBJECTS)}, and has {len(subjects)}."
        return
    if rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield ".at_most", "It is less than at_least, so the rule never holds."
    if rule.annotation is not None:
        yield from _of_annotation(rule)
        return
    if rule.values is not None or rule.missing:
        yield "", f"values and missing are of annotations, and this looks at {subjects[0]}."
    if not rule.is_bounded:
        yield "", "It needs at_least, at_most, or both."
    if rule.history is not None:
        if rule.within_hours is None:
            yield "", "A count needs within_hours, how far back it goes."
        if max(rule.at_least or 0, rule.at_most or 0) > MOST_COUNTED:
            yield "", f"No more than {MOST_COUNTED} purchases are counted."
    elif rule.within_hours is not None:
        yield ".within_hours", "A price has no time."
    if rule.price_in is not None and rule.price_in not in MONEYS:
        yield ".price_in", f"{rule.price_in} is no currency of ISO 4217."


def _of_annotation(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.within_hours is not None:
        yield ".within_hours", "An annotation has no time."
    asks = [rule.values is not None, rule.missing, rule.is_bounded]
    if sum(asks) != 1:
        yield "", "It needs values, missing, or at_least and at_most: one of the three."
