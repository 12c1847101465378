"""The plugin `rule`: the first rule that vetoes ends the purchase, the others note facts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cel_expr_python import cel

from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Veto
from guildbank_rule.bad_rule import BadRule
from guildbank_rule.language import compile_rule, environment
from guildbank_rule.manifest import MANIFEST
from guildbank_rule.weight import MAX_ANNOTATIONS, MAX_STEPS

MAX_NOTES = 20
"""How many names the notes of a gate may have: a purchase carries no more."""
LONGEST_TEXT = 1_000
"""The longest text of a purchase that rules look at; no fact of the core is longer."""


class RuleFailed(Exception):
    """A rule gave no answer, so the purchase is refused; the message names no person."""


class Rule:
    """Rules in CEL over a purchase."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return a problem for each rule that does not compile or has another's name."""
        return list(_problems(settings["rules"]))

    async def start(self, context: Context) -> None:
        """Compile all rules, so that the first purchase waits for none. Raises BadRule."""
        for rule in context.settings["rules"]:
            compile_rule(rule["when"])

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Return the veto of the first rule that has one, else the notes of all that hold.

        Of two notes with one name the later stands. Raises RuleFailed where a rule has no answer,
        such as one that asks for an annotation that is not there, and BadRule.
        """
        facts = environment().Activation(_facts(purchase, context.now))
        notes: dict[str, str] = {}
        for rule in context.settings["rules"]:
            if not _holds(rule, facts):
                continue
            then = rule["then"]
            if "veto" in then:
                return Veto(code=then["veto"]["code"], detail=then["veto"]["detail"])
            notes.update(then["note"])
        return Annotated(annotations=notes)


def _problems(rules: Sequence[Mapping[str, Any]]) -> Iterator[SettingProblem]:
    names: dict[str, int] = {}
    notes: set[str] = set()
    steps = 0
    for number, rule in enumerate(rules):
        same = names.setdefault(rule["name"], number)
        if same != number:
            yield SettingProblem(
                field=f"rules.{number}.name", detail=f"The rule rules.{same} has the same name."
            )
        notes.update(rule["then"].get("note", ()))
        try:
            steps += compile_rule(rule["when"]).steps
        except BadRule as bad:
            yield SettingProblem(field=f"rules.{number}.when", detail=str(bad))
    if steps > MAX_STEPS:
        yield SettingProblem(
            field="rules",
            detail=f"Together the rules could take {steps} steps, more than {MAX_STEPS}.",
        )
    if len(notes) > MAX_NOTES:
        yield SettingProblem(
            field="rules",
            detail=f"Together the rules note {len(notes)} names, more than {MAX_NOTES}.",
        )


def _facts(purchase: PurchaseView, now: datetime) -> dict[str, object]:
    """Return what a rule may name, in bounds: else how long an answer takes would be unknown."""
    annotations = dict(purchase.annotations)
    texts = {
        "player_id": purchase.player_id,
        "purpose": purchase.purpose,
        "provider": purchase.provider,
        "product_id": purchase.product_id,
        "country": purchase.country or "",
        "money": purchase.currency,
        "game_currency": purchase.game_currency,
    }
    if len(annotations) > MAX_ANNOTATIONS:
        raise RuleFailed(f"the purchase has more than {MAX_ANNOTATIONS} annotations")
    if any(
        len(text) > LONGEST_TEXT for text in (*texts.values(), *annotations, *annotations.values())
    ):
        raise RuleFailed(f"a text of the purchase has more than {LONGEST_TEXT} characters")
    numbers = {
        "amount_minor": purchase.amount_minor,
        "coins": purchase.coins,
        "bonus": purchase.bonus,
    }
    of_payment = {**texts, **numbers, "annotations": annotations}
    return {**{f"payment.{name}": value for name, value in of_payment.items()}, "now": now}


def _holds(rule: Mapping[str, Any], facts: cel.Activation) -> bool:
    answer = compile_rule(rule["when"]).expression.eval(facts)
    if answer.type() != cel.Type.BOOL:
        # What stands behind the colon may be a text of the purchase, and this is logged.
        reason = str(answer.value()).partition(" : ")[0]
        raise RuleFailed(f"the rule {rule['name']!r} has no answer: {reason}")
    return bool(answer.value())


PLUGIN = Rule()
