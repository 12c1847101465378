"""The plugin `rule`: the first rule that vetoes ends a purchase or operation, others note facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cel_expr_python import cel

from guildbank.plugin_api import (
    Annotated,
    Context,
    Judged,
    Judgement,
    Manifest,
    MoveView,
    PurchaseView,
    SettingProblem,
    Veto,
)
from guildbank_rule.bad_rule import BadRule
from guildbank_rule.language import Subject, compile_rule, environment
from guildbank_rule.manifest import MANIFEST
from guildbank_rule.settings import OneRule, find_problems, read_settings
from guildbank_rule.weight import MAX_ANNOTATIONS

LONGEST_TEXT = 1_000
"""The longest text of a purchase that rules look at; no fact of the core is longer."""


class RuleFailed(Exception):
    """A rule gave no answer, so what it is about is refused; the message names no person."""


class Rule:
    """Rules in CEL over a purchase, or over an operation on coins."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return a problem for each rule that does not compile or has another's name."""
        return list(find_problems(settings))

    def check_move_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return the same where the rules are over operations."""
        return list(find_problems(settings, "move"))

    async def start(self, context: Context) -> None:
        """Compile all rules, so that the first who is asked about waits for none. Raises BadRule.

        What they are over is not told here; it was checked.
        """
        rules = [rule.when for rule in read_settings(context.settings).rules]
        try:
            for when in rules:
                compile_rule(when)
        except BadRule:
            for when in rules:
                compile_rule(when, "move")

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Return the veto of the first rule that has one, else the notes of all that hold.

        Of two notes with one name the later stands. Raises RuleFailed where a rule has no answer,
        such as one that asks for an annotation that is not there, and BadRule.
        """
        rules = read_settings(context.settings).rules
        return _judge(rules, "payment", _facts(purchase, context.now))

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        """Return the same for each operation; of one for which a rule fails nothing is said."""
        rules = read_settings(context.settings).rules
        return Judged(tuple(_judge_move(rules, move, context.now) for move in moves))


def _judge(
    rules: Sequence[OneRule], subject: Subject, facts: Mapping[str, object]
) -> Annotated | Veto:
    activation = environment(subject).Activation(facts)
    notes: dict[str, str] = {}
    for rule in rules:
        if not _holds(rule, subject, activation):
            continue
        if (veto := rule.then.veto) is not None:
            return Veto(code=veto.code, detail=veto.detail)
        notes.update(rule.then.note)
    return Annotated(annotations=notes)


def _judge_move(rules: Sequence[OneRule], move: MoveView, now: datetime) -> Judgement:
    try:
        said = _judge(rules, "move", _facts_of_move(move, now))
    except RuleFailed as failed:
        return Judgement(no_answer=str(failed))
    if isinstance(said, Veto):
        return Judgement(veto=said)
    return Judgement(annotations=said.annotations)


def _facts_of_move(move: MoveView, now: datetime) -> dict[str, object]:
    """Return what a rule over an operation may name, in the same bounds.

    The currency and amount of a transfer in several currencies are not there: a rule that asks for
    them has no answer.
    """
    texts = {"verb": move.verb, "by": move.by, "reference": move.reference}
    lists = (move.players, move.amounts, move.metadata, move.annotations)
    if any(len(one) > MAX_ANNOTATIONS for one in lists):
        raise RuleFailed(f"the operation has more than {MAX_ANNOTATIONS} facts of one kind")
    words = (*texts.values(), *move.players, *move.metadata.values(), *move.annotations.values())
    if any(len(text) > LONGEST_TEXT for text in words):
        raise RuleFailed(f"a text of the operation has more than {LONGEST_TEXT} characters")
    facts: dict[str, object] = {
        **texts,
        "player_id": move.players[0] if len(move.players) == 1 else "",
        "players": list(move.players),
        "amounts": dict(move.amounts),
        "held": move.held,
        "metadata": dict(move.metadata),
        "annotations": dict(move.annotations),
    }
    if move.currency is not None and move.amount_minor is not None:
        facts |= {"currency": move.currency, "amount_minor": move.amount_minor}
    return {**{f"move.{name}": value for name, value in facts.items()}, "now": now}


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


def _holds(rule: OneRule, subject: Subject, facts: cel.Activation) -> bool:
    answer = compile_rule(rule.when, subject).expression.eval(facts)
    if answer.type() != cel.Type.BOOL:
        # What stands behind the colon may be a text of the player's, and this is logged.
        reason = str(answer.value()).partition(" : ")[0]
        raise RuleFailed(f"the rule {rule.name!r} has no answer: {reason}")
    return bool(answer.value())


PLUGIN = Rule()
