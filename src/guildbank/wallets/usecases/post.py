"""Move coins between players and named accounts of the house, for economies we did not foresee.

What other verbs guard stays guarded: paid coins come from payments alone, coins do not pass from
player to player, debtors and frozen wallets pay nothing, and gates count what leaves a wallet.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from guildbank.journal import Act, Draft, Need, Sealed, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import HOUSE, MAX_LEGS, Address, Book, Leg, close_book, open_book
from guildbank.ledger import account_needs as ledger_needs
from guildbank.wallets.acts import UNKNOWN_CURRENCY
from guildbank.wallets.coins import credit, debt_of, in_debt
from guildbank.wallets.contracts import (
    DEBT,
    ISSUE,
    Gate,
    Post,
    Posted,
    PostedFacts,
    PostLeg,
    Spending,
)
from guildbank.wallets.gates import note_spent
from guildbank.wallets.purses import CURRENCIES, purse_of, wallet_needs

POSTED = "ledger.posted"
RESERVED = (
    "clawed", "backing", "unapplied", "refunding", "written_off", "paid_out", "suspense",
)  # fmt: skip
"""Accounts of the house that other verbs keep; with `provider:*` they prove the money."""
MAX_HOUSE_ACCOUNTS = 200


class PostAct(Act):
    """A raw posting of 1 to 64 legs. It knows game currencies only: real money is not posted."""

    verb = "ledger.post"
    rounds: ClassVar[int] = 2
    is_record: ClassVar[bool] = True
    __slots__ = ("gates", "legs", "payload")

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: Post,
        gates: Sequence[Gate],
        payload: Sealed | None = None,
    ) -> None:
        super().__init__(principal, key, command)
        self.legs = command.legs
        self.gates = gates
        self.payload = payload

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the currencies, purses and accounts, then what the gates want to read."""
        for leg in self.legs:
            yield CURRENCIES, leg.debit.asset
            yield CURRENCIES, leg.credit.asset
            yield from ledger_needs((leg.debit, leg.credit))
            for side in _players(leg):
                yield from wallet_needs((side.owner, side.asset))
        for spending in self._spendings():
            purse = purse_of(stage, (spending.player_id, spending.currency))
            if purse is not None:
                for gate in self.gates:
                    yield from gate.needs(stage, spending, purse)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Post all legs; refused: unknown_currency, paid_needs_payment, transfer_not_allowed, ...

        Further: too_many_legs, too_many_accounts, invalid_value (a reserved account),
        debt_outstanding, limit_exceeded, and what a credit and the ledger refuse. `field` names
        the leg.
        """
        if not 0 < len(self.legs) <= MAX_LEGS:
            return Refusal(
                code="too_many_legs", detail=f"A posting has 1 to {MAX_LEGS} legs.", field="legs"
            )
        book = open_book(stage)
        for number, leg in enumerate(self.legs):
            refusal = _barred(stage, leg) or _too_many(book, leg) or _move(stage, book, leg)
            if refusal is not None:
                return _at_leg(refusal, number, leg)
        for spending in self._spendings():
            purse = purse_of(stage, (spending.player_id, spending.currency))
            if purse is None:
                return UNKNOWN_CURRENCY
            for gate in self.gates:
                answer = gate.check(stage, spending, purse)
                if isinstance(answer, Refusal):
                    return msgspec.structs.replace(answer, field="legs")
            note_spent(stage, spending.player_id, spending.currency, spending.amount)
        close_book(stage, book)
        return Draft(POSTED, facts(posted_facts(book, self.payload)), self.payload)

    def _spendings(self) -> list[Spending]:
        """Return what leaves each wallet in sum: gates are asked once a wallet."""
        sums: dict[tuple[str, str], int] = {}
        for leg in self.legs:
            if leg.debit.owner != HOUSE:
                wallet = (leg.debit.owner, leg.debit.asset)
                sums[wallet] = sums.get(wallet, 0) + leg.amount
        return [Spending(player, code, amount) for (player, code), amount in sums.items()]


def posted_facts(book: Book, payload: Sealed | None, original: int | None = None) -> PostedFacts:
    """Return the facts of what the book posted; `original` is the position of an undone entry."""
    return PostedFacts(
        transfers=tuple(
            Posted(debit, to, one.amount, one.debit_after, one.credit_after)
            for one, debit, to in book.moved
        ),
        payload=payload.hash if payload else None,
        original=original,
    )


def _players(leg: PostLeg) -> list[Address]:
    return [side for side in (leg.debit, leg.credit) if side.owner != HOUSE]


def _barred(stage: Stage, leg: PostLeg) -> Refusal | None:
    """Return why such a leg is never posted, whatever the balances are."""
    if any(stage.get(CURRENCIES, side.asset) is None for side in (leg.debit, leg.credit)):
        return UNKNOWN_CURRENCY
    if len(_players(leg)) == 2:
        return Refusal(
            code="transfer_not_allowed",
            detail="A leg moves coins between a player and the house, not between wallets.",
        )
    for side, field in ((leg.debit, "from"), (leg.credit, "to")):
        if _is_kept(side) or (field == "to" and side[::2] == (HOUSE, ISSUE)):
            return Refusal(
                code="invalid_value",
                detail=f"The account {side.bucket} is kept by other verbs.",
                field=field,
            )
    if leg.credit.owner != HOUSE and leg.credit.bucket == "paid":
        return Refusal(
            code="paid_needs_payment",
            detail="Paid coins come from payments alone; credit the free or bonus bucket.",
            field="to.bucket",
        )
    return None


def _too_many(book: Book, leg: PostLeg) -> Refusal | None:
    """Refuse one account more than the house may have: every batch reads all of a currency."""
    for side in (leg.debit, leg.credit):
        if side.owner != HOUSE:
            continue
        known = book.accounts(HOUSE, side.asset)
        if side.bucket not in known and len(known) >= MAX_HOUSE_ACCOUNTS:
            return Refusal(
                code="too_many_accounts",
                detail=f"The house has at most {MAX_HOUSE_ACCOUNTS} accounts of a currency.",
            )
    return None


def _is_kept(side: Address) -> bool:
    if side.owner != HOUSE:
        return side.bucket == DEBT
    return side.bucket in RESERVED or side.bucket.startswith("provider:")


def _move(stage: Stage, book: Book, leg: PostLeg) -> Refusal | None:
    """Post one leg on the book, as a grant or a spend would."""
    to, source = leg.credit, leg.debit
    if to.owner != HOUSE:
        purse = purse_of(stage, (to.owner, to.asset))
        rules = None if purse is None else purse.currency
        return credit(book, to.owner, to.asset, to.bucket, leg.amount, source, rules=rules)
    if source.owner != HOUSE and (owed := debt_of(book, source.owner, source.asset)) > 0:
        return in_debt(owed)
    return book.post([Leg((source,), to, leg.amount)])


def _at_leg(refusal: Refusal, number: int, leg: PostLeg) -> Refusal:
    """Name the place in the posting, where the ledger knows only the leg that it was given."""
    field = (refusal.field or "").rpartition("].")[2].removeprefix("legs")
    if field == "playerId":
        field = f"{'from' if leg.credit.owner == HOUSE else 'to'}.playerId"
    place = f"legs.{number}.{field}" if field and field[0] != "[" else f"legs.{number}"
    return msgspec.structs.replace(refusal, field=place)
