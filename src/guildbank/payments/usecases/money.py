"""The base of acts that move captured money: what to load, and what a given-back amount takes."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import LOTS, Book, Leg, LotState
from guildbank.payments import posting
from guildbank.payments.charged import captured_parts, parts_back
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.rows import Applied, Attempt, Intent, IntentState, Taking
from guildbank.payments.rules import coins_due, policy_of
from guildbank.payments.spent import SPENT
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct
from guildbank.payments.usecases.take_items import item_needs, take_items
from guildbank.tenancy import SpentCoins

_TAKINGS = msgspec.json.Decoder(Taking)


class Rows(NamedTuple):
    """The payment and the attempt that captured its money."""

    intent: Intent
    attempt: Attempt


class MoneyAct(PaymentAct):
    """An act on the money that an attempt captured.

    `spent` is the tenant's policy for coins already spent, by which it goes where the currency
    has none of its own. `items` are what those coins bought, as far as it can be taken.
    """

    rounds = 2
    spent: SpentCoins
    __slots__ = ("attempt_id", "items", "spent")

    def __init__(
        self,
        attempt: Attempt,
        principal: str,
        key: str | None = None,
        command: object = None,
        spent: SpentCoins = "refuse",
        items: Sequence[Item] = (),
    ) -> None:
        super().__init__(attempt.payment_id, principal, key, command)
        self.attempt_id = attempt.id
        self.spent = spent
        self.items = items

    def needs(self, stage: Stage) -> list[Need]:
        """Return payment and attempt, then accounts and lots."""
        needs: list[Need] = [*super().needs(stage), (ATTEMPTS, self.attempt_id)]
        if not stage.loaded(INTENTS, self.payment_id) or not stage.loaded(
            ATTEMPTS, self.attempt_id
        ):
            return needs
        rows = self.rows(stage)
        if rows is None or rows.attempt.captured_money is None:
            return needs
        money, provider = rows.attempt.captured_money, rows.attempt.provider
        needs += posting.money_needs(money, provider, rows.intent)
        if rows.attempt.applied is Applied.CREDITED:
            needs += posting.taking_needs(rows.intent)
            needs.append((SPENT, rows.intent.currency))
            needs += item_needs(self.items)
        return needs

    def spent_policy(self, stage: Stage, rows: Rows) -> SpentCoins:
        """Return what becomes of coins already spent, by currency and provider."""
        if rows.attempt.applied is not Applied.CREDITED:
            return self.spent
        known = stage.get(SPENT, rows.intent.currency)
        return policy_of(known, rows.attempt.provider, self.spent)

    def gone_policy(self, stage: Stage, rows: Rows) -> SpentCoins:
        """Return the same for money that is gone already, of which nothing can be refused."""
        policy = self.spent_policy(stage, rows)
        return "debt" if policy == "refuse" else policy

    def rows(self, stage: Stage) -> Rows | None:
        """Return the loaded rows."""
        intent = stage.get(INTENTS, self.payment_id)
        attempt = stage.get(ATTEMPTS, self.attempt_id)
        return None if intent is None or attempt is None else Rows(intent, attempt)


def lots(stage: Stage, intent: Intent) -> dict[str, LotState]:
    """Return the loaded lots of a credited payment, by bucket."""
    found = {bucket: stage.get(LOTS, ref) for bucket, ref in posting.lots_of(intent).items()}
    return {bucket: lot for bucket, lot in found.items() if lot is not None}


def take(
    stage: Stage,
    book: Book,
    rows: Rows,
    amount_minor: int,
    sink_refunding: bool,
    *,
    spent: SpentCoins,
    items: Sequence[Item] = (),
) -> Taking | Refusal:
    """Take `amount_minor` and the coins due for it; the money goes to refunding or the provider.

    Where too few of the coins are unspent, `items` that they bought are taken first.

    Refusals: `refund_exceeds_unspent` where coins that are `spent` bar it.
    """
    intent, attempt = rows
    money = attempt.captured_money or ""
    sink = (
        posting.refunding(money)
        if sink_refunding
        else posting.provider_account(money, attempt.provider)
    )
    if attempt.applied is Applied.UNAPPLIED:
        refusal = book.post([Leg((posting.unapplied(money),), sink, amount_minor)])
        return refusal if refusal is not None else Taking()
    claimed = attempt.claimed_minor + amount_minor
    due = posting.due_of(intent, attempt, claimed)
    taken_items = take_items(stage, book, intent, due, items)
    taking = posting.take_back(book, intent, attempt, claimed, lots(stage, intent), spent=spent)
    if isinstance(taking, Refusal):
        return taking
    settled = attempt.settled_minor
    whole = captured_parts(intent, attempt.captured_minor)
    parts = parts_back(whole, settled, settled + amount_minor)._replace(backing=taking.basis_minor)
    refusal = posting.money_out(book, money, amount_minor, parts, sink)
    taken = msgspec.structs.replace(taking, taxes=parts.taxes, fees=parts.fees, items=taken_items)
    return taken if refusal is None else refusal


def untake(
    book: Book, rows: Rows, amount_minor: int, taking: Taking, origin_refunding: bool
) -> Taking | Refusal:
    """Undo `take` when the money did not go, or came again; return what was given back.

    `rows.attempt` is as it is without this amount. Coins that other refunds and disputes claim
    by now stay taken.
    """
    intent, attempt = rows
    money = attempt.captured_money or ""
    origin = (
        posting.refunding(money)
        if origin_refunding
        else posting.provider_account(money, attempt.provider)
    )
    if attempt.applied is Applied.UNAPPLIED:
        refusal = book.post([Leg((origin,), posting.unapplied(money), amount_minor)])
        return refusal if refusal is not None else Taking()
    captured, back = attempt.captured_minor, attempt.settled_minor
    paid, bonus = free_again(rows, taking)
    whole = captured_parts(intent, captured)
    cost = posting.give_back(book, intent, whole.backing, taking, paid, bonus)
    if isinstance(cost, Refusal):
        return cost
    # Any minor unit of tax is as good as another, so what others claim needs no counting here.
    parts = parts_back(whole, back, back + amount_minor)._replace(backing=cost)
    refusal = posting.money_in(book, money, amount_minor, parts, origin)
    given = Taking(paid=paid, bonus=bonus, basis_minor=cost, taxes=parts.taxes, fees=parts.fees)
    return given if refusal is None else refusal


def free_again(rows: Rows, taking: Taking) -> tuple[int, int]:
    """Return the coins of a taking, paid and bonus, that nothing else claims by now."""
    intent, attempt = rows
    captured, claimed = attempt.captured_minor, attempt.claimed_minor
    paid = _again(taking.paid, intent.taken_paid, coins_due(intent.coins, captured, claimed))
    bonus = _again(taking.bonus, intent.taken_bonus, coins_due(intent.bonus, captured, claimed))
    return paid, bonus


def _again(by_this: int, taken: int, due: int) -> int:
    return max(0, min(by_this, taken - due))


def with_taken(intent: Intent, taking: Taking, sign: int) -> Intent:
    """Return the payment with more (sign 1) or fewer (-1) coins taken back."""
    return msgspec.structs.replace(
        intent,
        taken_paid=intent.taken_paid + sign * taking.paid,
        taken_bonus=intent.taken_bonus + sign * taking.bonus,
    )


def let_go(taking: Taking) -> dict[str, object]:
    """Return what an entry says of coins that were written off, of taxes, fees and items, where
    there are any.
    """
    told: dict[str, object] = {
        "writtenOff": taking.written_off, "taxes": taking.taxes, "fees": taking.fees,
        "items": taking.items,
    }  # fmt: skip
    return {name: some for name, some in told.items() if some}


def read_taking(text: str) -> Taking:
    """Return a stored taking."""
    return _TAKINGS.decode(text)


def write_taking(taking: Taking) -> str:
    """Return a taking to be stored."""
    return msgspec.json.encode(taking).decode()


def failed_if_all_back(intent: Intent, attempt: Attempt) -> Intent:
    """Return the payment as failed once money that bought nothing is back."""
    waiting = intent.state is IntentState.CAPTURED and intent.attempt_id == attempt.id
    if waiting and attempt.refunded_minor >= attempt.captured_minor:
        return msgspec.structs.replace(intent, state=IntentState.FAILED)
    return intent
