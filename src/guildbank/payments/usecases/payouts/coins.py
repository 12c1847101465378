"""The coins and the money of a payout on the ledger's book: taken, sent, and given back.

Coins go to the house's account `paid_out`, first in first out, so the oldest are taken. Their money
goes from `payout_cost`, which is below zero, to `payout_in_flight`, and from there to the provider
once it has paid, or back. What paid coins had cost stays recognised: paying out is a cost of its
own, at the rate of the terms.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import (
    AGED,
    Address,
    AgedKey,
    Book,
    Leg,
    Restores,
    account_needs,
    aged_coins,
    house,
    lot_needs,
)
from guildbank.payments.contracts.payouts import Payout, PayoutTerms, TakenCoins
from guildbank.payments.contracts.refusals_payouts import too_young
from guildbank.payments.posting import provider_account
from guildbank.wallets import Purse, credit, debt_of, in_debt, wallet

PAID_OUT = "paid_out"
_TAKEN = msgspec.json.Decoder(tuple[TakenCoins, ...])


def cost(money: str) -> Address:
    """Return what payouts cost, below zero."""
    return house(money, "payout_cost")


def in_flight(money: str) -> Address:
    """Return the money of payouts that have not ended."""
    return house(money, "payout_in_flight")


def money_needs(money: str, provider: str) -> list[Need]:
    """Return the accounts of money that payouts book on."""
    return account_needs([cost(money), in_flight(money), provider_account(money, provider)])


def aged_needs(player_id: str, terms: PayoutTerms, now: datetime) -> list[Need]:
    """Return what says how old the coins are: where each bucket stood, its holes and returns."""
    wallets = [wallet(player_id, terms.currency, bucket) for bucket in terms.buckets]
    return [*lot_needs([], wallets), *((AGED, key) for key in _aged_keys(player_id, terms, now))]


def _aged_keys(player_id: str, terms: PayoutTerms, now: datetime) -> list[AgedKey]:
    before = now - timedelta(days=terms.window_days)
    return [AgedKey(wallet(player_id, terms.currency, bucket), before) for bucket in terms.buckets]


def take_coins(
    stage: Stage, book: Book, player_id: str, purse: Purse, terms: PayoutTerms, coins: int,
    now: datetime,
) -> tuple[TakenCoins, ...] | Refusal:  # fmt: skip
    """Take coins that are old enough, in the currency's order of buckets.

    Refusals: `debt_outstanding`, `insufficient_funds`, `coins_too_young`, `account_frozen`,
    `player_suspended`, `player_closed`.
    """
    code = terms.currency
    if (owed := debt_of(book, player_id, code)) > 0:
        return in_debt(owed)
    then = {key.address.bucket: stage.get(AGED, key) or 0
            for key in _aged_keys(player_id, terms, now)}  # fmt: skip
    ready = _ready(book, player_id, purse, terms, then)
    found = sum(ready.values())
    if found < coins and sum(_available(book, player_id, terms).values()) >= coins:
        return too_young(found, terms.window_days)
    legs, left = list[Leg](), coins
    for bucket, amount in ready.items():
        part = min(left, amount)
        if part:
            legs.append(Leg((wallet(player_id, code, bucket),), house(code, PAID_OUT), part))
            left -= part
    if left:
        return _insufficient(coins, found)
    begun = len(book.moved)
    refusal = book.post(legs)
    if refusal is not None:
        return refusal
    return tuple(
        TakenCoins(debit.bucket, moved.leg, moved.debit_offset or 0, moved.amount)
        for moved, debit, _ in book.moved[begun:]
    )


def _available(book: Book, player_id: str, terms: PayoutTerms) -> dict[str, int]:
    accounts = book.accounts(player_id, terms.currency)
    return {
        bucket: max(0, accounts[bucket].available) for bucket in terms.buckets if bucket in accounts
    }


def _ready(
    book: Book, player_id: str, purse: Purse, terms: PayoutTerms, then: Mapping[str, int]
) -> dict[str, int]:
    available = _available(book, player_id, terms)
    accounts = book.accounts(player_id, terms.currency)
    ready: dict[str, int] = {}
    for bucket in purse.currency.order:
        if bucket in available:
            place = wallet(player_id, terms.currency, bucket)
            aged = aged_coins(place, accounts[bucket], book.spread(place), then[bucket])
            ready[bucket] = min(aged, available[bucket])
    return ready


def _insufficient(asked: int, available: int) -> Refusal:
    return Refusal(
        code="insufficient_funds",
        detail=f"{asked} were asked for and {available} can be paid out.",
        field="coins",
        extra={"available": available},
    )


def set_aside(book: Book, money: str, amount_minor: int) -> Refusal | None:
    """Put the money of a payout in flight."""
    return book.post([Leg((cost(money),), in_flight(money), amount_minor)])


def paid(book: Book, payout: Payout) -> Refusal | None:
    """Book the money out: the provider paid it."""
    to = provider_account(payout.money, payout.provider)
    return book.post([Leg((in_flight(payout.money),), to, payout.amount_minor)])


def give_back(book: Book, payout: Payout, *, was_paid: bool) -> Refusal | None:
    """Give the coins back to where they were taken, and their money to where it came from."""
    provider = provider_account(payout.money, payout.provider)
    source = provider if was_paid else in_flight(payout.money)
    refusal = book.post([Leg((source,), cost(payout.money), payout.amount_minor)])
    for one in read_taken(payout):
        if refusal is None:
            refusal = credit(
                book, payout.player_id, payout.currency, one.bucket, one.amount,
                house(payout.currency, PAID_OUT),
                restores=Restores(payout.taken_seq, one.leg, one.start), forced=True,
            )  # fmt: skip
    return refusal


def read_taken(payout: Payout) -> Sequence[TakenCoins]:
    """Return the coins that a payout took."""
    return _TAKEN.decode(payout.taken)
