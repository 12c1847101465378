"""What a tenant sets: rules in their order, and what is wrong with them beyond their schema."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from guildbank.plugin_api import SettingProblem
from guildbank_rule.bad_rule import BadRule
from guildbank_rule.language import Subject, compile_rule
from guildbank_rule.weight import MAX_STEPS

MAX_NOTES = 20
"""How many names the notes of a gate may have: a purchase carries no more."""


class Refusing(msgspec.Struct, frozen=True):
    """What a veto says: `code` to programs, `detail` to the player."""

    code: str
    detail: str


class Then(msgspec.Struct, frozen=True):
    """What happens where a rule holds: one of the two."""

    veto: Refusing | None = None
    note: Mapping[str, str] = {}


class OneRule(msgspec.Struct, frozen=True):
    """A rule: its name, an expression in CEL, and what happens where it holds."""

    name: str
    when: str
    then: Then


class Settings(msgspec.Struct, frozen=True):
    """The rules of a gate, in the order in which they are asked."""

    rules: Sequence[OneRule]


def read_settings(settings: Mapping[str, Any]) -> Settings:
    """Return settings that fit the schema. Raises msgspec.ValidationError for others."""
    return msgspec.convert(dict(settings), Settings)


def find_problems(
    settings: Mapping[str, Any], subject: Subject = "payment"
) -> Iterator[SettingProblem]:
    """Yield what is wrong with the rules over a subject, each of them and all together."""
    try:
        rules = read_settings(settings).rules
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="rules", detail=f"They do not fit the schema: {error}.")
        return
    names: dict[str, int] = {}
    steps = 0
    for number, rule in enumerate(rules):
        same = names.setdefault(rule.name, number)
        if same != number:
            yield SettingProblem(
                field=f"rules.{number}.name", detail=f"The rule rules.{same} has the same name."
            )
        try:
            steps += compile_rule(rule.when, subject).steps
        except BadRule as bad:
            yield SettingProblem(field=f"rules.{number}.when", detail=str(bad))
    if steps > MAX_STEPS:
        yield SettingProblem(
            field="rules",
            detail=f"Together the rules could take {steps} steps, more than {MAX_STEPS}.",
        )
    noted = {name for rule in rules for name in rule.then.note}
    if len(noted) > MAX_NOTES:
        yield SettingProblem(
            field="rules",
            detail=f"Together the rules note {len(noted)} names, more than {MAX_NOTES}.",
        )
