"""The plugin `rule`: the first rule that vetoes ends the purchase, the others note facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cel_expr_python import cel

from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Veto
from guildbank_rule.language import compile_rule, environment
from guildbank_rule.manifest import MANIFEST
from guildbank_rule.settings import OneRule, find_problems, read_settings
from guildbank_rule.weight import MAX_ANNOTATIONS

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
        return list(find_problems(settings))

    async def start(self, context: Context) -> None:
        """Compile all rules, so that the first purchase waits for none. Raises BadRule."""
        for rule in read_settings(context.settings).rules:
            compile_rule(rule.when)

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Return the veto of the first rule that has one, else the notes of all that hold.

        Of two notes with one name the later stands. Raises RuleFailed where a rule has no answer,
        such as one that asks for an annotation that is not there, and BadRule.
        """
        facts = environment().Activation(_facts(purchase, context.now))
        notes: dict[str, str] = {}
        for rule in read_settings(context.settings).rules:
            if not _holds(rule, facts):
                continue
            if (veto := rule.then.veto) is not None:
                return Veto(code=veto.code, detail=veto.detail)
            notes.update(rule.then.note)
        return Annotated(annotations=notes)


def _facts(purchase: PurchaseView, now: datetime) -> dict[str, object]:
    """Return what a rule may name, in bounds: else how long an answer takes would be unknown."""
    annotations = dict(purchase.annotations)
    texts = {
        "player_id": purchase.player_id,
        "purpose": purchase.purpose,
        "provider": purchase.provider,
        "product_id": purchase.product_id,
        "country": purchase.country or "",
        "address": purchase.address or "",
        "address_country": purchase.address_country or "",
        "device": purchase.device or "",
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


def _holds(rule: OneRule, facts: cel.Activation) -> bool:
    answer = compile_rule(rule.when).expression.eval(facts)
    if answer.type() != cel.Type.BOOL:
        # What stands behind the colon may be a text of the purchase, and this is logged.
        reason = str(answer.value()).partition(" : ")[0]
        raise RuleFailed(f"the rule {rule.name!r} has no answer: {reason}")
    return bool(answer.value())


PLUGIN = Rule()
