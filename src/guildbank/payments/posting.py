"""Payments on the ledger's book: money in, coins out, and both back, in exact numbers.

Accounts of the house per money: `provider:<id>` (negative: what the provider holds for us),
`backing` (behind coins issued), `taxes` (owed to states), `surcharges` (what players paid as fees),
`unapplied` (captured, not credited), `refunding` (on its way back), `written_off` (what refunds and
disputes cost beyond the coins that came back), `suspense` (behind coins that open disputes put
aside, less what providers withdrew for them), `fees` (what providers kept, below zero). Accounts of
the house per game currency: `issue`, `clawed` (what refunds and lost disputes took), `suspense`
(what disputes put aside until they are decided).
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from guildbank.journal import Need
from guildbank.kernel import Refusal
from guildbank.ledger import (
    Address,
    Book,
    Interval,
    Leg,
    LotRef,
    LotState,
    Restores,
    account_needs,
    basis_of,
    first_positions,
    house,
)
from guildbank.payments.charged import captured_parts, charges_of
from guildbank.payments.contracts.rows import Attempt, Claw, Intent, Taking
from guildbank.payments.contracts.sale import Goods, Quote
from guildbank.payments.rules import coins_due
from guildbank.plugin_api import Charge, Parts, added_of, parts_of
from guildbank.tenancy import SpentCoins
from guildbank.wallets import Currency, claw, claw_needs, credit, debt_of, give_room_back, wallet

PAID, BONUS, FREE, DEBT = "paid", "bonus", "free", "debt"
ISSUE, CLAWED, SUSPENSE = "issue", "clawed", "suspense"


def provider_account(money: str, provider: str) -> Address:
    """Return what the provider holds for us, below zero."""
    return house(money, f"provider:{provider}")


def backing(money: str) -> Address:
    """Return the money behind coins that were issued for it."""
    return house(money, "backing")


def unapplied(money: str) -> Address:
    """Return the money that was captured and bought nothing."""
    return house(money, "unapplied")


def refunding(money: str) -> Address:
    """Return the money on its way back to players."""
    return house(money, "refunding")


def written_off(money: str) -> Address:
    """Return what was given back beyond the cost of the coins that came back."""
    return house(money, "written_off")


def suspense(asset: str) -> Address:
    """Return where coins lie of which a dispute is open; of a money, what stands behind them."""
    return house(asset, SUSPENSE)


def taxes(money: str) -> Address:
    """Return the taxes in what players paid, which are owed to states."""
    return house(money, "taxes")


def surcharges(money: str) -> Address:
    """Return the fees that players paid, without the taxes on them."""
    return house(money, "surcharges")


def fees(money: str) -> Address:
    """Return what providers kept for themselves, below zero."""
    return house(money, "fees")


def money_needs(money: str, provider: str, intent: Intent) -> list[Need]:
    """Return every account of one money that the payment books on."""
    charged = () if intent.charges is None else (taxes(money), surcharges(money))
    return account_needs(
        [
            provider_account(money, provider),
            backing(money),
            unapplied(money),
            refunding(money),
            written_off(money),
            suspense(money),
            *charged,
        ]
    )


def lots_of(intent: Intent) -> dict[str, LotRef]:
    """Return the lots that the credit made, by bucket."""
    if intent.credited_seq is None:
        return {}
    legs = {PAID: intent.paid_leg, BONUS: intent.bonus_leg}
    return {
        bucket: LotRef(intent.credited_seq, leg) for bucket, leg in legs.items() if leg is not None
    }


def taking_needs(intent: Intent) -> list[Need]:
    """Return the accounts and lots that a refund or dispute takes coins from."""
    return claw_needs(list(lots_of(intent).values()), intent.player_id, intent.currency)


class Movement(NamedTuple):
    """What a sale moves from one account to another."""

    debit: Address
    credit: Address
    amount: int


def movements_of(
    player_id: str,
    total: tuple[str, int],
    provider: str,
    goods: Goods,
    charges: Sequence[Charge] = (),
) -> list[Movement]:
    """Return what a captured total (money, minor units) moves: money first, then coins.

    A debt of the player takes its part of the coins when they are booked.
    """
    money, amount_minor = total
    issue = house(goods.currency, ISSUE)
    parts = parts_of(amount_minor - added_of(charges), charges)
    aside = ((taxes(money), parts.taxes), (surcharges(money), parts.fees))
    holder = provider_account(money, provider)
    return [
        Movement(holder, backing(money), parts.backing),
        *(Movement(holder, account, amount) for account, amount in aside if amount),
        *(
            Movement(issue, wallet(player_id, goods.currency, bucket), amount)
            for bucket, amount in coins_of(goods).items()
        ),
    ]


def book_credit(
    book: Book, intent: Intent, provider: str, goods: Goods, rules: Currency
) -> Refusal | None:
    """Book captured money behind the coins that it buys. After a refusal the book is void.

    What was let in when it was begun is credited whatever the `rules` have become meanwhile; only
    what a wallet can hold at all is kept to.
    """
    if intent.reserved:
        rules = msgspec.structs.replace(rules, ceiling=None, active=True)
    if intent.room:
        give_room_back(book, intent.player_id, intent.currency, coins_of(intent))
    total = (intent.money, intent.amount_minor)
    moves = movements_of(intent.player_id, total, provider, goods, charges_of(intent))
    # A store may have sold for nothing: then no money stands behind the coins.
    money = [
        Leg((one.debit,), one.credit, one.amount)
        for one in moves
        if one.credit.asset == intent.money and one.amount
    ]
    refusal = book.post(money) if money else None
    for one in moves:
        if refusal is None and one.credit.asset != intent.money:
            to = one.credit
            refusal = credit(
                book, to.owner, to.asset, to.bucket, one.amount, one.debit, rules=rules
            )
    return refusal


def coins_of(sale: Intent | Quote | Goods) -> dict[str, int]:
    """Return the coins of a sale by bucket."""
    return {name: coins for name, coins in ((PAID, sale.coins), (BONUS, sale.bonus)) if coins}


def leg_of(book: Book, to: Address) -> int | None:
    """Return the leg of the first transfer to an account, None when there is none."""
    return next((t.leg for t, _, credited in book.moved if credited == to), None)


def due_of(intent: Intent, attempt: Attempt, given_back_minor: int) -> dict[str, int]:
    """Return how many coins by bucket are yet to be taken once so much of the money is back."""
    captured = attempt.captured_minor
    return {
        PAID: max(0, coins_due(intent.coins, captured, given_back_minor) - intent.taken_paid),
        BONUS: max(0, coins_due(intent.bonus, captured, given_back_minor) - intent.taken_bonus),
    }


def take_back(
    book: Book,
    intent: Intent,
    attempt: Attempt,
    given_back_minor: int,
    lots: dict[str, LotState],
    *,
    spent: SpentCoins,
) -> Taking | Refusal:
    """Take the coins that are due once `given_back_minor` of the money is back.

    Takes from the unspent part of the purchase's own lots; what was `spent` is refused as
    `refund_exceeds_unspent`, becomes the player's debt, or is written off.
    """
    backed = captured_parts(intent, attempt.captured_minor).backing
    due = due_of(intent, attempt, given_back_minor)
    claws: list[Claw] = []
    let_go = 0
    for bucket, ref in lots_of(intent).items():
        if due[bucket] == 0:
            continue
        begun = len(book.moved)
        taken = claw(book, ref, intent.player_id, intent.currency, bucket, due[bucket], spent=spent)
        if isinstance(taken, Refusal):
            return taken
        let_go += taken.written_off
        claws += claws_since(book, intent, bucket, begun, lots)
    cost = cost_of(intent, backed, claws)
    return Taking(
        paid=due[PAID], bonus=due[BONUS], basis_minor=cost, claws=tuple(claws), written_off=let_go
    )


def claws_since(
    book: Book, intent: Intent, bucket: str, begun: int, lots: dict[str, LotState]
) -> list[Claw]:
    """Return the coins of the purchase that directed debits took since transfer number `begun`."""
    spread = book.spread(wallet(intent.player_id, intent.currency, bucket))
    claws: list[Claw] = []
    for transfer, _, _ in book.moved[begun:]:
        if transfer.lot_offset is None:
            continue
        hole = Interval(transfer.lot_offset, transfer.lot_offset + transfer.amount)
        claws.extend(
            Claw(bucket, transfer.seq, transfer.leg, part.start, part.length, position)
            for part, position in first_positions(lots[bucket], spread, hole)
        )
    return claws


def cost_of(intent: Intent, backed_minor: int, claws: list[Claw]) -> int:
    """Return what the claws' paid coins had cost, in minor units of what stands behind them all."""
    return sum(
        basis_of(intent.coins, backed_minor, one.position, one.position + one.amount)
        for one in claws
        if one.bucket == PAID
    )


def money_out(
    book: Book, money: str, amount_minor: int, parts: Parts, sink: Address, aside_minor: int = 0
) -> Refusal | None:
    """Move `amount_minor` to `sink`: taxes, fees, the taken coins' cost; the rest written off.

    Of what coins had cost so much lies in suspense, which may be the sink itself.
    """
    legs, left = [], amount_minor
    for account, amount in (*_accounts_of(money, parts), (suspense(money), aside_minor)):
        given = min(left, amount)
        left -= given
        if account != sink:
            legs.append(Leg((account,), sink, given))
        # Rounding: the parts were more than what is given back for them.
        legs.append(Leg((account,), written_off(money), amount - given))
    legs.append(Leg((written_off(money),), sink, left))
    moved = [leg for leg in legs if leg.amount]
    return book.post(moved) if moved else None


def money_in(
    book: Book, money: str, amount_minor: int, parts: Parts, origin: Address
) -> Refusal | None:
    """Undo `money_out` for taxes, fees and coins of this cost that are given back again."""
    legs, left = [], amount_minor
    for account, amount in _accounts_of(money, parts):
        given = min(left, amount)
        left -= given
        legs.append(Leg((origin,), account, given))
        legs.append(Leg((written_off(money),), account, amount - given))
    legs.append(Leg((origin,), written_off(money), left))
    return book.post([leg for leg in legs if leg.amount])


def _accounts_of(money: str, parts: Parts) -> tuple[tuple[Address, int], ...]:
    """Return where the parts of a total lie."""
    return (
        (taxes(money), parts.taxes),
        (surcharges(money), parts.fees),
        (backing(money), parts.backing),
    )


def give_back(
    book: Book, intent: Intent, backed_minor: int, taking: Taking, paid: int, bonus: int
) -> int | Refusal:
    """Give `paid` and `bonus` coins of a taking back; return what the paid ones had cost.

    They lie in suspense where the taking is `aside`; what is not given back of them stays taken.

    Debts are struck out first, so that the coins given back do not pay them; what was paid of
    the debt meanwhile comes back as free coins. Of what was written off nothing was taken.
    """
    clawed = house(intent.currency, CLAWED)
    sink = suspense(intent.currency) if taking.aside else clawed
    back: list[Claw] = []
    owed = 0
    for bucket, amount in ((PAID, paid), (BONUS, bonus)):
        left = amount
        # Coins come back in the order in which they lay; the claws name the last ones first.
        for one in sorted(taking.claws, key=lambda claw: claw.offset):
            part = min(left, one.amount) if one.bucket == bucket else 0
            if part:
                back.append(Claw(bucket, one.seq, one.leg, one.offset, part, one.position))
                left -= part
        owed += left
    owed = min(owed, taking.owed)
    refusal = _forgive(book, intent, sink, owed) if owed else None
    for one in back:
        if refusal is None:
            refusal = credit(
                book, intent.player_id, intent.currency, one.bucket, one.amount, sink,
                restores=Restores(one.seq, one.leg, one.offset, directed=True), forced=True,
            )  # fmt: skip
    kept = taking.found - sum(one.amount for one in back) if taking.aside else 0
    if kept and refusal is None:
        refusal = book.post([Leg((sink,), clawed, kept)])
    return refusal if refusal is not None else cost_of(intent, backed_minor, back)


def _forgive(book: Book, intent: Intent, sink: Address, owed: int) -> Refusal | None:
    debt = Address(intent.player_id, intent.currency, DEBT)
    free = Address(intent.player_id, intent.currency, FREE)
    forgiven = min(owed, max(0, debt_of(book, intent.player_id, intent.currency)))
    legs = [Leg((sink,), debt, forgiven, forced=True)] if forgiven else []
    if owed > forgiven:
        legs.append(Leg((sink,), free, owed - forgiven, forced=True))
    return book.post(legs)
