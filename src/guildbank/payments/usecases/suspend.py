"""Coins of a disputed payment: put into suspense, given back from there, or taken for good.

What stands behind coins in suspense is in the account `suspense` of the money. A provider that
withdraws the money before anything is decided draws it below zero, and the end of the dispute
brings it back to where it was.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from guildbank.journal import Stage
from guildbank.kernel import Refusal
from guildbank.ledger import Book, Leg, house
from guildbank.payments import posting
from guildbank.payments.charged import captured_parts, parts_back
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.rows import (
    Applied,
    Attempt,
    Claw,
    Dispute,
    Intent,
    Taking,
)
from guildbank.payments.posting import BONUS, CLAWED, PAID, backing, provider_account, suspense
from guildbank.payments.usecases.money import (
    Rows,
    free_again,
    lots,
    read_taking,
    with_taken,
    write_taking,
)
from guildbank.payments.usecases.take_items import take_items
from guildbank.tenancy import SpentCoins
from guildbank.wallets import claw, wallet


class Step(NamedTuple):
    """A payment and its dispute as an event leaves them."""

    rows: Rows
    dispute: Dispute


def set_aside(stage: Stage, book: Book, rows: Rows, amount_minor: int) -> Taking | Refusal:
    """Put the unspent coins that are due for a claim of `amount_minor`, and their cost, aside.

    `rows.attempt` is as it is without this claim. The taking names all coins that are due, so that
    nobody else takes them for it; of those that are spent nothing is decided yet.
    """
    intent, attempt = rows
    due = posting.due_of(intent, attempt, attempt.claimed_minor + amount_minor)
    claws: list[Claw] = []
    for bucket, ref in posting.lots_of(intent).items():
        if due[bucket] == 0:
            continue
        begun = len(book.moved)
        source = wallet(intent.player_id, intent.currency, bucket)
        sink = suspense(intent.currency)
        refusal = book.post([Leg((source,), sink, due[bucket], True, ref, forced=True)])
        if refusal is not None:
            return refusal
        claws += posting.claws_since(book, intent, bucket, begun, lots(stage, intent))
    money = attempt.captured_money or ""
    backed = captured_parts(intent, attempt.captured_minor).backing
    cost = posting.cost_of(intent, backed, claws)
    if cost:
        refusal = book.post([Leg((backing(money),), suspense(money), cost)])
        if refusal is not None:
            return refusal
    return Taking(
        paid=due[PAID], bonus=due[BONUS], basis_minor=cost, claws=tuple(claws), aside=True
    )


def release(book: Book, rows: Rows, taking: Taking) -> Taking | Refusal:
    """Give coins in suspense back to where they lay; return what was given back.

    `rows.attempt` is as it is without the claim. Coins that other refunds and disputes claim by now
    stay taken.
    """
    intent, attempt = rows
    money = attempt.captured_money or ""
    paid, bonus = free_again(rows, taking)
    backed = captured_parts(intent, attempt.captured_minor).backing
    cost = posting.give_back(book, intent, backed, taking, paid, bonus)
    if isinstance(cost, Refusal):
        return cost
    parts = ((backing(money), cost), (posting.written_off(money), taking.basis_minor - cost))
    legs = [Leg((suspense(money),), account, amount) for account, amount in parts if amount]
    refusal = book.post(legs) if legs else None
    return refusal or Taking(paid=paid, bonus=bonus, basis_minor=cost)


def withdraw(book: Book, rows: Rows, amount_minor: int, *, back: bool = False) -> Refusal | None:
    """Move money between suspense and its provider: withdrawn, or `back` again."""
    money = rows.attempt.captured_money or ""
    accounts = [suspense(money), provider_account(money, rows.attempt.provider)]
    source, sink = reversed(accounts) if back else accounts
    return book.post([Leg((source,), sink, amount_minor)])


def condemn(
    stage: Stage,
    book: Book,
    rows: Rows,
    taking: Taking,
    amount_minor: int,
    *,
    withdrawn: bool,
    spent: SpentCoins,
    items: Sequence[Item] = (),
) -> Taking | Refusal:
    """Take the coins in suspense for good, and what else is due; return all that was taken.

    `rows.attempt` is as it is with the money gone, which went from suspense before where it is
    `withdrawn`, and goes now where it is not. What came back to the wallet since is taken first,
    then `items` that coins bought; the rest is owed or written off, as `spent` says.
    """
    intent, attempt = rows
    money = attempt.captured_money or ""
    without = _less(intent, taking)
    due = posting.due_of(without, attempt, attempt.claimed_minor)
    due = {bucket: max(due[bucket], taking.clawed(bucket)) for bucket in (PAID, BONUS)}
    rest = {bucket: due[bucket] - taking.clawed(bucket) for bucket in due}
    taken_items = take_items(stage, book, intent, rest, items)
    if taking.found:
        clawed = house(intent.currency, CLAWED)
        refusal = book.post([Leg((suspense(intent.currency),), clawed, taking.found)])
        if refusal is not None:
            return refusal
    more: list[Claw] = []
    let_go = 0
    for bucket, ref in posting.lots_of(intent).items():
        if rest[bucket] == 0:
            continue
        begun = len(book.moved)
        taken = claw(
            book, ref, intent.player_id, intent.currency, bucket, rest[bucket], spent=spent
        )
        if isinstance(taken, Refusal):
            return taken
        let_go += taken.written_off
        more += posting.claws_since(book, intent, bucket, begun, lots(stage, intent))
    whole = captured_parts(intent, attempt.captured_minor)
    cost = posting.cost_of(intent, whole.backing, more)
    settled = attempt.settled_minor
    parts = parts_back(whole, settled - amount_minor, settled)._replace(backing=cost)
    sink = suspense(money) if withdrawn else provider_account(money, attempt.provider)
    refusal = posting.money_out(book, money, amount_minor, parts, sink, taking.basis_minor)
    return refusal or Taking(
        paid=due[PAID], bonus=due[BONUS], basis_minor=taking.basis_minor + cost,
        claws=(*taking.claws, *more), written_off=let_go, taxes=parts.taxes, fees=parts.fees,
        items=taken_items,
    )  # fmt: skip


def put_aside(stage: Stage, book: Book, step: Step, amount: int) -> Step | Refusal:
    """Put the unspent coins of a claim into suspense; of money that bought none there are none."""
    (intent, attempt), dispute = step
    if attempt.applied is not Applied.CREDITED:
        return step
    taking = set_aside(stage, book, step.rows, amount)
    if isinstance(taking, Refusal):
        return taking
    claimed = msgspec.structs.replace(attempt, aside_minor=attempt.aside_minor + amount)
    fresh = msgspec.structs.replace(dispute, amount_minor=amount, taking=write_taking(taking))
    return Step(Rows(with_taken(intent, taking, 1), claimed), fresh)


def put_back(book: Book, step: Step) -> Step | Refusal:
    """Give back what lies in suspense of a claim whose money never went."""
    (intent, attempt), dispute = step
    attempt = msgspec.structs.replace(
        attempt, aside_minor=attempt.aside_minor - dispute.amount_minor
    )
    given = release(book, Rows(intent, attempt), read_taking(dispute.taking))
    if isinstance(given, Refusal):
        return given
    fresh = msgspec.structs.replace(dispute, taking=write_taking(Taking()))
    return Step(Rows(with_taken(intent, given, -1), attempt), fresh)


def lift(book: Book, step: Step) -> Step | Refusal:
    """Let the coins of a claim out of suspense for a moment; `lay` puts all that are due there.

    `step.rows.attempt` is as it is without the claim (`claimed`). Between both others give back
    coins that are due for the claim as well. The money stays where it is, with its provider or not.
    """
    rows, dispute = step
    given = release(book, rows, read_taking(dispute.taking))
    if isinstance(given, Refusal):
        return given
    fresh = msgspec.structs.replace(dispute, taking=write_taking(Taking()))
    return Step(Rows(with_taken(rows.intent, given, -1), rows.attempt), fresh)


def lay(stage: Stage, book: Book, step: Step) -> Step | Refusal:
    """Put a claim that was lifted on its payment again, with all coins that are due for it now."""
    rows, dispute = step
    taking = set_aside(stage, book, rows, dispute.amount_minor)
    if isinstance(taking, Refusal):
        return taking
    fresh = msgspec.structs.replace(dispute, taking=write_taking(taking))
    attempt = claimed(rows.attempt, dispute, 1)
    return Step(Rows(with_taken(rows.intent, taking, 1), attempt), fresh)


def money_withdrawn(book: Book, step: Step) -> Step | Refusal:
    """Book the money of coins in suspense out; they lie there until the dispute is decided."""
    (intent, attempt), dispute = step
    amount = dispute.amount_minor
    refusal = withdraw(book, step.rows, amount)
    if refusal is not None:
        return refusal
    gone = msgspec.structs.replace(
        attempt,
        aside_minor=attempt.aside_minor - amount,
        disputed_minor=attempt.disputed_minor + amount,
        undecided_minor=attempt.undecided_minor + amount,
    )
    return Step(Rows(intent, gone), msgspec.structs.replace(dispute, withdrawn=True))


def claimed(attempt: Attempt, dispute: Dispute, sign: int) -> Attempt:
    """Return the attempt with (1) or without (-1) an undecided claim, withdrawn or not."""
    change = sign * dispute.amount_minor
    if not dispute.withdrawn:
        return msgspec.structs.replace(attempt, aside_minor=attempt.aside_minor + change)
    return msgspec.structs.replace(
        attempt,
        disputed_minor=attempt.disputed_minor + change,
        undecided_minor=attempt.undecided_minor + change,
    )


def _less(intent: Intent, taking: Taking) -> Intent:
    return msgspec.structs.replace(
        intent,
        taken_paid=intent.taken_paid - taking.paid,
        taken_bonus=intent.taken_bonus - taking.bonus,
    )
