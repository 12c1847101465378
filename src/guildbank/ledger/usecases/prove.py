"""The proof of a tenant: every unit is accounted for, and money backs coins.

One snapshot of the whole tenant is walked account by account, in bounded memory.
"""

from collections.abc import AsyncIterator, Sequence
from math import gcd
from typing import NamedTuple

import msgspec

from guildbank.infra.database import Database
from guildbank.infra.room import HouseBalance
from guildbank.journal import Driver, seq_at
from guildbank.ledger.contracts import HOUSE
from guildbank.ledger.reading.accounts import AccountRow, read_accounts
from guildbank.ledger.reading.totals import (
    CREDITS,
    DEBITS,
    HOLES,
    READ_ASSETS,
    READ_FLOWS,
    READ_WRONG_HOLDS,
    Tally,
    last_after,
    take_time,
    tallies,
)
from guildbank.ledger.usecases.backing import BackedLot, Share, paid_lots
from guildbank.ledger.usecases.balances import NOW

PAGE_ACCOUNTS = 1_000
MAX_PROBLEMS = 100
MAX_PRICES = 1_000
FLOWS = ("captured", "refunded", "disputed", "fees", "paid_out")
"""What goes to and from providers."""
NAMED = (
    "taxes", "surcharges", "written_off", "unapplied", "refunding", "suspense", "payout_in_flight",
)  # fmt: skip
"""Accounts of the house that stand in the proof by their names."""


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it must be: which check, on what, and how it differs."""

    check: str
    subject: str
    detail: str


class AssetProof(msgspec.Struct, frozen=True):
    """An asset: `sum` over all its accounts must be zero."""

    asset: str
    kind: str
    scale: int
    accounts: int
    sum: int


class MoneyProof(msgspec.Struct, frozen=True, kw_only=True):
    """Law 2 for one money, all in minor units.

    captured - refunded - disputed = unspent + recognised + taxes + surcharges + written_off +
    unapplied + refunding + suspense. `suspense` is what stands behind coins of open disputes, less
    what providers withdrew for these already. `taxes` and `surcharges` are what players paid beside
    coins.
    `written_off` is negative where money was given back for coins already spent. `backing` is the
    ledger's own account, which must equal unspent + recognised. `fees` is what providers kept,
    beside the equation, and so is what was `paid_out` to players: providers hold captured -
    refunded - disputed - fees - paid_out. What payouts cost the house must equal paid_out +
    payout_in_flight. `other` is what lies in accounts that the equation does not know, and must be
    zero.
    """

    money: str
    scale: int
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    unspent: int = 0
    recognised: int = 0
    taxes: int = 0
    surcharges: int = 0
    written_off: int = 0
    unapplied: int = 0
    refunding: int = 0
    suspense: int = 0
    other: int = 0
    backing: int = 0
    fees: int = 0
    fees_account: int = 0
    paid_out: int = 0
    payout_in_flight: int = 0
    payout_cost: int = 0

    @property
    def held(self) -> int:
        """Return what providers hold for us."""
        return self.captured - self.refunded - self.disputed - self.fees - self.paid_out

    @property
    def holds(self) -> bool:
        """Say whether the equation holds, the lots say the backing, flows the rest."""
        right = (
            self.unspent + self.recognised + self.taxes + self.surcharges + self.written_off
            + self.unapplied + self.refunding + self.suspense
        )  # fmt: skip
        left = self.captured - self.refunded - self.disputed
        return (
            left == right
            and self.backing == self.unspent + self.recognised
            and self.fees == self.fees_account
            and self.payout_cost == self.paid_out + self.payout_in_flight
        )


class UnspentPrice(msgspec.Struct, frozen=True):
    """Unspent paid coins that cost `price_minor` for each `per_coins`: deferred revenue.

    `money` is None for paid coins that no money stands behind.
    """

    currency: str
    money: str | None
    price_minor: int
    per_coins: int
    coins: int
    basis: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the laws hold as of entry `seq`; the first MAX_PROBLEMS problems of `found`."""

    ok: bool
    seq: int
    accounts: int
    transfers: int
    found: int
    problems: list[Problem]
    assets: list[AssetProof]
    money: list[MoneyProof]
    unspent: list[UnspentPrice]


class Proving(NamedTuple):
    """What proofs are taken of: the database, and what rooms above know of the house's accounts."""

    db: Database
    balances: Sequence[HouseBalance] = ()


async def prove(db: Database, schema: str, balances: Sequence[HouseBalance] = ()) -> Proof:
    """Prove a tenant's ledger in one snapshot, and that `balances` of other rooms agree with it."""
    async with db.begin(schema, read_only=True) as tx:
        driver = tx.driver
        await take_time(driver)
        state = _State()
        for code, kind, scale in await driver.fetch(READ_ASSETS):
            state.assets[code] = AssetProof(code, kind, scale, 0, 0)
        await _accounts(driver, state)
        for row in await driver.fetch(READ_WRONG_HOLDS, MAX_PROBLEMS):
            state.report("held", "/".join(row[:3]), f"{row[3]} are held, open holds say {row[4]}")
        async for lot in paid_lots(driver):
            if isinstance(lot, BackedLot):
                state.count(lot)
            else:
                state.report("lots", f"{lot.owner}/{lot.currency}/paid", lot.what)
        money = await _money(driver, state)
        for balance in balances:
            await _compare(driver, balance, state)
        seq = await seq_at(driver, NOW)
    for asset in state.assets.values():
        if asset.sum != 0:
            state.report("zero_sum", asset.asset, f"all accounts sum to {asset.sum}")
    return Proof(
        ok=state.found == 0,
        seq=seq,
        accounts=sum(asset.accounts for asset in state.assets.values()),
        transfers=state.transfers,
        found=state.found,
        problems=state.problems,
        assets=list(state.assets.values()),
        money=money,
        unspent=state.unspent(),
    )


class _State:
    """What the walk adds up: sums, not rows."""

    def __init__(self) -> None:
        self.assets: dict[str, AssetProof] = {}
        self.house: dict[tuple[str, str], int] = {}
        self.problems: list[Problem] = []
        self.found = 0
        self.transfers = 0
        self.basis: dict[str, tuple[int, int]] = {}
        self._prices: dict[tuple[str, str | None, int, int], Share] = {}

    def report(self, check: str, subject: str, detail: str) -> None:
        """Keep a problem; past the limit only its number."""
        self.found += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(check, subject, detail))

    def count(self, lot: BackedLot) -> None:
        """Add a paid lot's basis and unspent coins."""
        if lot.money is not None:
            unspent, spent = self.basis.get(lot.money, (0, 0))
            self.basis[lot.money] = (unspent + lot.unspent.basis, spent + lot.spent.basis)
        if lot.unspent.coins:
            common = gcd(lot.basis, lot.coins)
            price = (lot.currency, lot.money, lot.basis // common, lot.coins // common)
            if price not in self._prices and len(self._prices) >= MAX_PRICES:
                price = (lot.currency, lot.money, 0, 0)
            share = self._prices.get(price, Share())
            self._prices[price] = share.plus(lot.unspent.coins, lot.unspent.basis)

    def unspent(self) -> list[UnspentPrice]:
        """Return the unspent coins, the largest value first; (0, 0) stands for all other prices."""
        found = [UnspentPrice(*price, share.coins, share.basis)
                 for price, share in self._prices.items()]  # fmt: skip
        return sorted(found, key=lambda one: (-one.basis, one.currency, -one.coins))


class _Axis:
    """One axis of all accounts, taken in order of account."""

    def __init__(self, rows: AsyncIterator[Tally], name: str, state: _State) -> None:
        self._rows = rows
        self._name = name
        self._state = state
        self._next: Tally | None = None
        self._ended = False

    async def take(self, account: int) -> Tally:
        """Return the account's tally; tallies of accounts that do not exist are reported."""
        while not self._ended:
            if self._next is None:
                try:
                    self._next = await self._rows.__anext__()
                except StopAsyncIteration:
                    self._ended = True
                    break
            if self._next.account > account:
                break
            tally, self._next = self._next, None
            if tally.account == account:
                return tally
            self._state.report(
                "accounts", f"account {tally.account}", f"it has {self._name} but does not exist"
            )
        return Tally(account, 0, None, None, 0)


async def _accounts(driver: Driver, state: _State) -> None:
    """Recompute every account from its transfers, and add it to its asset."""
    axes = [
        _Axis(tallies(driver, page), name, state)
        for page, name in ((CREDITS, "credits"), (DEBITS, "debits"), (HOLES, "claw-backs"))
    ]
    after = -(2**63)
    while accounts := await read_accounts(driver, after, PAGE_ACCOUNTS):
        stated = await last_after(driver, [account.id for account in accounts])
        for account in accounts:
            credited, spent, clawed = [await axis.take(account.id) for axis in axes]
            _account(account, (credited, spent, clawed), stated.get(account.id, 0), state)
            state.transfers += credited.rows
        after = accounts[-1].id
    for axis in axes:
        await axis.take(2**63 - 1)


def _account(
    account: AccountRow, tally: tuple[Tally, Tally, Tally], stated: int, state: _State
) -> None:
    name = f"{account.owner}/{account.asset}/{account.bucket}"
    credited, spent, clawed = (one.total for one in tally)
    balance = credited - spent - clawed
    asset = state.assets.get(account.asset) or AssetProof(account.asset, "unknown", 0, 0, 0)
    state.assets[account.asset] = msgspec.structs.replace(
        asset, accounts=asset.accounts + 1, sum=asset.sum + balance
    )
    if account.owner == HOUSE:
        state.house[account.asset, account.bucket] = balance
    # An account without a floor keeps no totals of claw-backs; the others keep all three.
    kept = [("credited", account.credited, credited), ("spent", account.spent, spent)]
    if account.floor is not None:
        kept.append(("clawed", account.clawed, clawed))
    for what, has, must in kept:
        if has != must:
            state.report("totals", name, f"{what} is kept as {has}, its transfers say {must}")
    for what, one, whole in zip(("credits", "debits", "claw-backs"), tally, (1, 1, 0), strict=True):
        if one.gap is not None and whole:
            state.report("offsets", name, f"{what} leave a gap before {one.gap}")
        if one.overlap is not None:
            state.report("offsets", name, f"{what} overlap at {one.overlap}")
    if stated != balance:
        state.report("totals", name, f"its last transfer says {stated}, all of them {balance}")
    if account.floor is not None and balance - account.held < account.floor:
        state.report("floor", name, f"{balance} with {account.held} held is below its floor")


async def _money(driver: Driver, state: _State) -> list[MoneyProof]:
    """Put law 2 together for each money."""
    flows: dict[str, dict[str, int]] = {}
    for asset, kind, out, back in await driver.fetch(READ_FLOWS):
        own = flows.setdefault(asset, dict.fromkeys(FLOWS, 0))
        if "payout" in kind:
            own["paid_out"] += back - out
        elif "fee" in kind:
            own["fees"] += back - out
        elif "refund" in kind:
            own["refunded"] += back - out
        elif "disput" in kind or "charge" in kind:
            own["disputed"] += back - out
        else:
            own["captured"] += out - back
    found = []
    for asset in state.assets.values():
        if asset.kind != "money":
            continue
        rest = {
            bucket: balance
            for (code, bucket), balance in state.house.items()
            if code == asset.asset and not bucket.startswith("provider:")
        }
        backing, fees = rest.pop("backing", 0), -rest.pop("fees", 0)
        named = {name: rest.pop(name, 0) for name in NAMED}
        payouts = -rest.pop("payout_cost", 0)
        unspent, recognised = state.basis.get(asset.asset, (0, 0))
        proof = MoneyProof(
            money=asset.asset, scale=asset.scale, unspent=unspent, recognised=recognised,
            other=sum(rest.values()), backing=backing,
            fees_account=fees, payout_cost=payouts, **named, **flows.get(asset.asset, {}),
        )  # fmt: skip
        found.append(proof)
        if not proof.holds:
            state.report("backing", asset.asset, _unbacked(proof))
    return found


async def _compare(driver: Driver, balance: HouseBalance, state: _State) -> None:
    """Hold what a room's rows say of accounts of the house against what lies there."""
    told = {row[0]: row[1] for row in await driver.fetch(balance.statement)}
    lies = {asset: n for (asset, bucket), n in state.house.items() if bucket == balance.bucket}
    for asset in sorted({*told, *lies}):
        has, must = lies.get(asset, 0), told.get(asset, 0)
        if has != must:
            name = f"{HOUSE}/{asset}/{balance.bucket}"
            state.report("balances", name, f"{has} lie there, {balance.meaning} say {must}")


def _unbacked(proof: MoneyProof) -> str:
    return (
        f"{proof.backing} minor units back coins whose unspent basis is {proof.unspent} and whose "
        f"recognised basis is {proof.recognised}; captured {proof.captured}, refunded "
        f"{proof.refunded}, disputed {proof.disputed}, in accounts without a name {proof.other}; "
        f"fees {proof.fees}, of which "
        f"{proof.fees_account} are in their account; paid out {proof.paid_out}, in flight "
        f"{proof.payout_in_flight}, which cost {proof.payout_cost}"
    )
