"""Pure decisions: what a posting does to account totals, or why it is refused.

The reference model in the laws keeps explicit coins and must agree with this on every history.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.ledger.claws import free_parts, take_from_tail
from guildbank.ledger.contracts import (
    BARS,
    MAX_LEGS,
    Account,
    Address,
    Leg,
    LotRef,
    LotState,
    Moved,
    Restored,
    Spread,
    Transfer,
)
from guildbank.ledger.holding import Holding, HoldingKey
from guildbank.ledger.lots import Interval, hole_amount, to_credit_axis

OPENED_BITS = 10
"""An entry opens fewer than 2**10 accounts: its 64 legs name no more than a few each."""


class Book:
    """Accounts as one act sees them, and the transfers that it made so far.

    Holdings, lots and spreads are loaded rows: a missing key was not asked for, which is a defect
    of the act. `changed` are the accounts of the holdings in which the act has changed one.
    `settling` says that the act goes on with what was begun before its player was barred.
    """

    __slots__ = (
        "_holdings",
        "_lots",
        "_opened",
        "_spreads",
        "changed",
        "moved",
        "restored",
        "seq",
        "settling",
    )

    def __init__(
        self,
        seq: int,
        holdings: Mapping[HoldingKey, Holding],
        lots: Mapping[LotRef, LotState | None],
        spreads: Mapping[Address, Spread],
        *,
        settling: bool = False,
    ) -> None:
        self.seq = seq
        self.settling = settling
        self._holdings = holdings
        self._lots = lots
        self._spreads = spreads
        self._opened = 0
        self.restored: dict[int, Restored] = {}
        self.changed: dict[HoldingKey, dict[str, Account]] = {}
        self.moved: list[Moved] = []

    def accounts(self, owner: str, asset: str) -> Mapping[str, Account]:
        """Return the opened accounts of an owner in an asset by bucket; read only."""
        key = (owner, asset)
        changed = self.changed.get(key)
        return self._holdings[key].accounts if changed is None else changed

    def account(self, address: Address) -> Account:
        """Return the account; read only."""
        owner, asset, bucket = address
        key = (owner, asset)
        accounts = self.changed.get(key)
        account = (self._holdings[key].accounts if accounts is None else accounts).get(bucket)
        return self._holdings[key].unopened(bucket) if account is None else account

    def own(self, address: Address) -> Account:
        """Return this act's copy of the account, to be changed."""
        owner, asset, bucket = address
        key = (owner, asset)
        accounts = self.changed.get(key)
        if accounts is None:
            accounts = self.changed[key] = dict(self._holdings[key].accounts)
        account = accounts.get(bucket)
        if account is None:
            account = accounts[bucket] = self._holdings[key].unopened(bucket)
            # An account's number is the entry that opens it and its place among those it opens:
            # unique without asking the database.
            account.id = (self.seq << OPENED_BITS) | self._opened
            account.opening = True
            account.entry = self.seq
            self._opened += 1
        elif account.entry != self.seq:
            account = accounts[bucket] = replace(account, entry=self.seq)
        return account

    def post(self, legs: Sequence[Leg]) -> Refusal | None:
        """Apply the legs in order, all or nothing: after a refusal the book is to be dropped."""
        if not 0 < len(legs) <= MAX_LEGS:
            return _refuse("too_many_legs", f"A posting has 1 to {MAX_LEGS} legs.", "legs")
        for number, leg in enumerate(legs):
            refusal = self._leg(leg, number)
            if refusal is not None:
                return refusal
        return None

    def hold(
        self, sources: Sequence[Address], amount: int, *, forced: bool = False
    ) -> Refusal | list[tuple[Address, int]]:
        """Put `amount` aside in the first accounts that have it; return the split.

        A `forced` one passes bars and freezes, as a forced leg does.
        """
        if not 0 < amount <= MAX_AMOUNT:
            return _bad_amount("amount")
        left, split = amount, list[tuple[Address, int]]()
        for source in sources:
            account = self.account(source)
            if (refusal := self._usable(account, source, forced=forced)) is not None:
                return refusal
            take = min(left, account.available)
            if take > 0:
                self.own(source).held += take
                split.append((source, take))
                left -= take
        return split if left == 0 else insufficient(amount, amount - left, "amount")

    def release(self, address: Address, amount: int) -> None:
        """Give back what a hold kept."""
        self.own(address).held -= amount

    def expect(self, address: Address, amount: int) -> None:
        """Keep room for coins that somebody is paying for; a negative amount gives it back."""
        account = self.own(address)
        account.expected += amount
        account.ruled = True

    def _leg(self, leg: Leg, number: int) -> Refusal | None:
        if leg.amount <= 0 or leg.amount > MAX_AMOUNT:
            return _bad_amount(f"legs[{number}].amount")
        credit = self.account(leg.credit)
        if credit.problem is not None:
            refusal = self._problem(credit, leg.credit, forced=leg.forced)
            if refusal is not None:
                return refusal
        if leg.lot is not None:
            return self._directed(leg, leg.lot)
        left = leg.amount
        for address in leg.debits:
            if address.asset != leg.credit.asset:
                return _refuse(
                    "asset_mismatch",
                    f"A leg moves one asset: {address} and {leg.credit} differ.",
                    f"legs[{number}]",
                )
            account = self.account(address)
            if account.problem is not None or account.frozen is not None:
                refusal = self._usable(account, address, forced=leg.forced)
                if refusal is not None:
                    return refusal
            take = left if account.floor is None else min(left, account.available)
            if take <= 0:
                continue
            refusal = self._move(address, leg, take, lot_offset=None)
            if refusal is not None:
                return refusal
            left -= take
            if left == 0:
                return None
        if leg.up_to:
            return None
        return insufficient(leg.amount, leg.amount - left, f"legs[{number}].amount")

    def _directed(self, leg: Leg, ref: LotRef) -> Refusal | None:
        """Take the tail of the lot's unspent part."""
        lot = self._lots[ref]
        if lot is None or leg.debits != (lot.address,) or lot.address.asset != leg.credit.asset:
            return _refuse("unknown_lot", "No such lot in this account.", None)
        free, unspent = self._free(lot)
        take = min(leg.amount, unspent)
        if take < leg.amount and not leg.up_to:
            return _refuse(
                "exceeds_original",
                f"Only {unspent} of this lot are unspent and not held.",
                "amount",
                available=unspent,
            )
        for part in take_from_tail(free, take):
            refusal = self._move(lot.address, leg, part.length, lot_offset=part.start)
            if refusal is not None:
                return refusal
        return None

    def _free(self, lot: LotState) -> tuple[list[Interval], int]:
        """Return where the lot's unspent coins lie, and how many of them are not held."""
        account, spread = self.account(lot.address), self.spread(lot.address)
        free = free_parts(lot_parts(lot, spread), account.spent, spread.holes)
        return free, max(0, min(sum(part.length for part in free), account.available))

    def unspent(self, ref: LotRef) -> int:
        """Return how many coins of a lot a directed debit could take."""
        lot = self._lots[ref]
        return 0 if lot is None else self._free(lot)[1]

    def clawed_from(self, ref: LotRef) -> int:
        """Return how many coins of a lot were taken back, those that were put back before too."""
        lot = self._lots[ref]
        if lot is None:
            return 0
        spread = self.spread(lot.address)
        return sum(hole_amount(spread.holes, part) for part in lot_parts(lot, spread))

    def spread(self, address: Address) -> Spread:
        """Return the account's holes and restored lots, those of this act included."""
        spread = self._spreads[address]
        for transfer, debit, credit in self.moved:
            if debit == address and transfer.lot_offset is not None:
                hole = (transfer.lot_offset, transfer.amount)
                spread = Spread(tuple(sorted((*spread.holes, hole))), spread.restored)
            if credit == address and (back := self.restored.get(transfer.leg)) is not None:
                spread = Spread(spread.holes, (*spread.restored, back))
        return spread

    def _move(self, source: Address, leg: Leg, take: int, lot_offset: int | None) -> Refusal | None:
        debit, credit = self.own(source), self.own(leg.credit)
        if debit is credit:
            return _refuse("same_account", f"{source} cannot pay itself.", "legs")
        if credit.credited + take > credit.cap or debit.spent + take > debit.cap:
            return _refuse(
                "total_overflow",
                f"The total of {leg.credit} or {source} would pass its asset's cap.",
                "amount",
            )
        if credit.ceiling is not None and not leg.forced and credit.balance + take > credit.ceiling:
            return _refuse(
                "ceiling_exceeded",
                f"{leg.credit} may hold at most {credit.ceiling}.",
                "amount",
                ceiling=credit.ceiling,
            )
        credit_offset, debit_offset = credit.credited, None
        if lot_offset is None:
            debit_offset = debit.spent
            debit.spent += take
        else:
            debit.clawed += take
        credit.credited += take
        restores = leg.restores
        # As Transfer(...) and Moved(...), which take more than twice as long.
        transfer = tuple.__new__(Transfer, (
            self.seq, len(self.moved), debit.id, credit.id, take,
            debit_offset, lot_offset, credit_offset,
            debit.credited - debit.spent - debit.clawed,
            credit.credited - credit.spent - credit.clawed,
            *((None, None, None) if restores is None else restores[:3]),
        ))  # fmt: skip
        if restores is not None:
            self.restored[transfer.leg] = Restored(
                credit_offset, take, restores.start, restores.directed
            )
        self.moved.append(tuple.__new__(Moved, (transfer, source, leg.credit)))
        return None

    def _usable(self, account: Account, address: Address, *, forced: bool) -> Refusal | None:
        """Return why the account may not be debited or held in."""
        if account.problem is not None:
            refusal = self._problem(account, address, forced=forced)
            if refusal is not None:
                return refusal
        if account.frozen is not None and not forced:
            return _refuse(
                "account_frozen",
                f"{address} is frozen: {account.frozen}",
                None,
                reason=account.frozen,
            )
        return None

    def _problem(self, account: Account, address: Address, *, forced: bool) -> Refusal | None:
        """Return why the account may not be used; a bar stops only what is being started."""
        if account.problem not in BARS:
            return _unknown(account, address)
        if forced or self.settling:
            return None
        return _barred(account.problem, address)


def lot_parts(lot: LotState, spread: Spread) -> list[Interval]:
    """Return the lot's interval and every part of a later lot that restored coins of it.

    Sorted, on the account's credit axis. A restored lot may itself have been spent and restored:
    each is held against all parts found before it.
    """
    parts = [Interval(lot.start, lot.end)]
    for start, length, source, directed in spread.restored:
        at = start
        taken = [Interval(source, source + length)]
        for piece in taken if directed else to_credit_axis(spread.holes, *taken[0]):
            for part in list(parts):
                common = piece.meet(part)
                if common.length:
                    begin = at + common.start - piece.start
                    parts.append(Interval(begin, begin + common.length))
            at += piece.length
    return sorted(parts)


def _unknown(account: Account, address: Address) -> Refusal:
    if account.problem == "unknown_asset":
        return _refuse("unknown_asset", f"There is no asset {address.asset!r}.", "asset")
    return _refuse("unknown_account", f"There is no player {address.owner!r}.", "playerId")


def _barred(code: str, address: Address) -> Refusal:
    ends = "until they are reinstated" if code == "player_suspended" else "any more"
    state = code.removeprefix("player_")
    return _refuse(
        code, f"{address.owner} is {state}: nothing can be started for them {ends}.", "playerId"
    )


def insufficient(asked: int, available: int, field: str) -> Refusal:
    """Return the refusal of a debit that finds too little."""
    return _refuse(
        "insufficient_funds",
        f"{asked} were asked for and {available} are available.",
        field,
        available=available,
    )


def _bad_amount(field: str) -> Refusal:
    return _refuse("amount_not_positive", f"An amount is 1 to {MAX_AMOUNT}.", field)


def _refuse(code: str, detail: str, field: str | None, **extra: str | int | None) -> Refusal:
    return Refusal(code=code, detail=detail, field=field, extra=dict(extra))
