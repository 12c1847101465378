"""Coins in and out of a wallet on a ledger's book: credit, debit, claw back, give back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from guildbank.journal import Need
from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.ledger import (
    Address,
    Book,
    Leg,
    LotRef,
    Restores,
    holding_needs,
    house,
    lot_needs,
)
from guildbank.tenancy import SpentCoins
from guildbank.wallets.contracts import (
    BUCKETS,
    CLAWED,
    DEBT,
    SALES,
    Clawed,
    Currency,
    Purse,
    wallet,
)


def account_needs(player_id: str, currency: str) -> list[Need]:
    """Return the accounts that a credit, debit or claw-back of this wallet touches."""
    return holding_needs(player_id, currency)


def claw_needs(lots: Sequence[LotRef], player_id: str, currency: str) -> list[Need]:
    """Return what a claw-back of these lots of the wallet reads."""
    return [
        *account_needs(player_id, currency),
        *lot_needs(lots, [wallet(player_id, currency, bucket) for bucket in BUCKETS]),
    ]


def debt_of(book: Book, player_id: str, currency: str) -> int:
    """Return what the player owes."""
    debt = book.accounts(player_id, currency).get(DEBT)
    return -debt.balance if debt is not None else 0


class Totals(NamedTuple):
    """A wallet over all buckets: `available` is the balance without what is held.

    `expected` are coins that are being paid for.
    """

    balance: int
    available: int
    debt: int
    expected: int


def totals_of(book: Book, player_id: str, currency: str) -> Totals:
    """Return what the player has and owes."""
    balance = held = debt = expected = 0
    for bucket, account in book.accounts(player_id, currency).items():
        if bucket == DEBT:
            debt = -account.balance
        else:
            balance += account.credited - account.spent - account.clawed
            held += account.held
            expected += account.expected
    return Totals(balance, balance - held, debt, expected)


def credit(
    book: Book,
    player_id: str,
    currency: str,
    bucket: str,
    amount: int,
    source: Address,
    *,
    rules: Currency | None = None,
    restores: Restores | None = None,
    forced: bool = False,
) -> Refusal | None:
    """Credit coins as a new lot, and pay the player's debt of this currency at once.

    With `rules` the currency must be active and its ceiling is kept.
    """
    to = wallet(player_id, currency, bucket)
    if rules is not None and (refusal := _may_hold(book, to, rules, amount)) is not None:
        return refusal
    legs = [Leg((source,), to, amount, restores=restores, forced=forced)]
    return book.post([*legs, *repaying(book, player_id, currency, [(bucket, amount)])])


def repaying(
    book: Book, player_id: str, currency: str, come: Iterable[tuple[str, int]]
) -> list[Leg]:
    """Return the legs by which coins that come into buckets, or come free there, pay the debt."""
    owed = debt_of(book, player_id, currency)
    debt = wallet(player_id, currency, DEBT)
    legs = []
    for bucket, amount in come:
        repaid = min(owed, amount)
        if repaid > 0:
            source = wallet(player_id, currency, bucket)
            legs.append(Leg((source,), debt, repaid, up_to=True, forced=True))
            owed -= repaid
    return legs


def keep_room(
    book: Book, player_id: str, rules: Currency, coins: Mapping[str, int]
) -> Refusal | None:
    """Keep room for coins by bucket, which somebody is about to pay for.

    From here on nothing else takes it. Refused as a credit is: `currency_inactive`,
    `ceiling_exceeded`, `total_overflow`.
    """
    for bucket, amount in coins.items():
        to = wallet(player_id, rules.code, bucket)
        if (refusal := _may_hold(book, to, rules, amount)) is not None:
            return refusal
        book.expect(to, amount)
    return None


def give_room_back(book: Book, player_id: str, currency: str, coins: Mapping[str, int]) -> None:
    """Give back what `keep_room` kept."""
    for bucket, amount in coins.items():
        book.expect(wallet(player_id, currency, bucket), -amount)


def must_be_active(rules: Currency) -> Refusal | None:
    """Return `currency_inactive` for a currency that takes no new coins."""
    if rules.active:
        return None
    return Refusal(
        code="currency_inactive",
        detail=f"{rules.code} is closed for new coins.",
        field="currency",
    )


def _may_hold(book: Book, to: Address, rules: Currency, amount: int) -> Refusal | None:
    if (closed := must_be_active(rules)) is not None:
        return closed
    ceiling, account = rules.ceiling, book.account(to)
    if ceiling is not None and account.balance + account.expected + amount > ceiling:
        return Refusal(
            code="ceiling_exceeded",
            detail=(
                f"A player may hold at most {ceiling} in the bucket {to.bucket}, with the coins "
                "that are being paid for."
            ),
            field="amount",
            extra={"ceiling": ceiling},
        )
    totals = totals_of(book, to.owner, to.asset)
    if totals.balance + totals.expected + amount > MAX_AMOUNT:
        return Refusal(
            code="total_overflow",
            detail=f"A wallet holds at most {MAX_AMOUNT} coins of a currency.",
            field="amount",
        )
    return None


def debit(book: Book, player_id: str, purse: Purse, amount: int) -> Refusal | None:
    """Take coins in the currency's consumption order, into the house's sales."""
    code = purse.currency.code
    accounts = book.accounts(player_id, code)
    if (owed := accounts.get(DEBT)) is not None and owed.balance < 0:
        return in_debt(-owed.balance)
    order = purse.currency.order
    # Buckets without an account have nothing; one is named so that the ledger can refuse.
    sources = [Address(player_id, code, bucket) for bucket in order if bucket in accounts]
    debits = tuple(sources) or (Address(player_id, code, order[0]),)
    refusal = book.post([Leg(debits, house(code, SALES), amount)])
    if refusal is not None and refusal.code == "insufficient_funds":
        return msgspec.structs.replace(refusal, field="amount")
    return refusal


def in_debt(owed: int) -> Refusal:
    """Return the refusal of a spend or hold by a player who owes coins."""
    return Refusal(
        code="debt_outstanding",
        detail=(
            f"The player owes {owed} coins after a refund or dispute of coins already spent; "
            "spending is blocked until the next credits have paid them."
        ),
        extra={"debt": owed},
    )


def claw(
    book: Book,
    lot: LotRef,
    player_id: str,
    currency: str,
    bucket: str,
    amount: int,
    *,
    spent: SpentCoins,
) -> Clawed | Refusal:
    """Take back coins of one lot: its unspent part first; `spent` says what becomes of the rest.

    A `debt` of the player, or it is let go (`write_off`): both always post, for freezes do not stop
    a claw-back. With `refuse` it is refused as `refund_exceeds_unspent`.
    """
    begun = len(book.moved)
    sink = house(currency, CLAWED)
    refusal = book.post(
        [Leg((wallet(player_id, currency, bucket),), sink, amount, True, lot, forced=True)]
    )
    if refusal is not None:
        return refusal
    taken = sum(one.transfer.amount for one in book.moved[begun:])
    rest = amount - taken
    if rest and spent == "refuse":
        return Refusal(
            code="refund_exceeds_unspent",
            detail=f"{amount} coins were to be taken back, and {taken} of them are unspent.",
            field="amount",
            extra={"unspent": taken},
        )
    owed = rest if spent == "debt" else 0
    if owed:
        debt = Leg((wallet(player_id, currency, DEBT),), sink, owed, forced=True)
        refusal = book.post([debt])
    return refusal or Clawed(taken, owed, rest - owed, tuple(book.moved[begun:]))
