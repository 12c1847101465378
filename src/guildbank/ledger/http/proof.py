"""Routes of the proof, and of what stands behind its sums payment by payment."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get
from litestar.params import QueryParameter

from guildbank.infra.database import Database
from guildbank.infra.http import (
    After,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    problem,
    scope,
    write_money,
)
from guildbank.infra.http.schema import Money
from guildbank.kernel import format_money
from guildbank.ledger.usecases.backing import NEWEST, BackedLot, Share, list_backing
from guildbank.ledger.usecases.keep_proof import proof_status
from guildbank.ledger.usecases.prove import MoneyProof, Problem, Proof, Proving, UnspentPrice, prove

SCOPE = "ledger:proof"
TAGS: Sequence[str] = ["Ledger"]
MoneyCode = Annotated[
    str, QueryParameter(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code of the money.")
]

_running = asyncio.Semaphore(1)
"""A proof reads the whole tenant: one at a time in a process, the next caller is told to wait."""


class DiscrepancyView(View):
    """Something that is not as it must be."""

    __example__: ClassVar = {
        "check": "kept_totals",
        "subject": "account 7",
        "detail": "credited is kept as 105, its transfers say 100",
    }

    check: str
    subject: str
    detail: str


class AssetView(View):
    """An asset: the sum of all its accounts, which must be zero."""

    __example__: ClassVar = {
        "asset": "GEM",
        "kind": "currency",
        "accounts": 12,
        "sum": 0,
    }

    asset: str
    kind: str
    accounts: int
    sum: int


class MoneyView(View):
    """captured - refunded - disputed = unspent + recognised + taxes + surcharges + writtenOff +
    unapplied + refunding.

    `unspent` is what coins still in wallets cost (deferred revenue), `recognised` what spent
    coins cost. `taxes` is what players paid of taxes, owed to states, `surcharges` what they paid
    of fees. `backing` is the ledger's own account: unspent + recognised. `fees` is what
    providers kept, `paidOut` what they paid to players, `held` what they hold: captured - refunded
    - disputed - fees - paidOut. `payoutCost` is paidOut + payoutInFlight, what payouts cost so far.
    `other` must be zero.
    """

    __example__: ClassVar = {
        "money": "EUR",
        "captured": "4.99",
        "refunded": "2.00",
        "disputed": "0.00",
        "unspent": "1.50",
        "recognised": "1.49",
        "taxes": "0.00",
        "surcharges": "0.00",
        "writtenOff": "0.00",
        "unapplied": "0.00",
        "refunding": "0.00",
        "suspense": "0.00",
        "other": "0.00",
        "backing": "2.99",
        "fees": "0.39",
        "paidOut": "1.00",
        "payoutInFlight": "0.50",
        "payoutCost": "1.50",
        "held": "1.60",
    }

    money: str
    captured: str
    refunded: str
    disputed: str
    unspent: str
    recognised: str
    taxes: str
    surcharges: str
    written_off: str
    unapplied: str
    refunding: str
    suspense: str
    other: str
    backing: str
    fees: str
    paid_out: str
    payout_in_flight: str
    payout_cost: str
    held: str
    holds: bool


class UnspentView(View):
    """Unspent paid coins of one unit price: `price` for each `perCoins` coins.

    `price` and `value` are null for paid coins that no money stands behind.
    """

    __example__: ClassVar = {
        "coins": 30,
        "perCoins": 100,
        "value": {"amount": "1.50", "currency": "EUR"},
    }

    currency: str
    coins: int
    price: Money | None
    per_coins: int
    value: Money | None


class ProofView(View):
    """Whether every unit is accounted for, as of `seq`. `problemCount` counts all problems."""

    __example__: ClassVar = {
        "seq": 4711,
        "accounts": 15,
        "transfers": 9001,
        "problemCount": 0,
        "problems": [],
    }

    ok: bool
    seq: int
    accounts: int
    transfers: int
    problem_count: int
    problems: list[DiscrepancyView]
    assets: list[AssetView]
    money: list[MoneyView]
    unspent: list[UnspentView]


class ProofStatusView(View):
    """What the last rounds of the kept proof found; `checkedAt` is null before the first.

    A round reads what accounts keep, and as often as is cheap everything: that is `provedAt` and
    `provedSeq`. `brokenSince` is when the tenant's people were told that it does not hold.
    """

    __example__: ClassVar = {
        "checkedSeq": 4711,
        "provedSeq": 4702,
        "problemCount": 0,
        "problems": [],
        "brokenSince": None,
    }

    ok: bool | None
    checked_at: datetime | None
    checked_seq: int | None
    proved_at: datetime | None
    proved_seq: int | None
    problem_count: int
    problems: list[DiscrepancyView]
    broken_since: datetime | None


class ShareView(View):
    """Coins, and what they cost."""

    coins: int
    cost: Money


class BackingView(View):
    """A payment's paid coins, what they cost, and what became of them."""

    __example__: ClassVar = {
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "coins": 100,
        "unspent": {"coins": 30, "cost": {"amount": "1.50", "currency": "EUR"}},
        "spent": {"coins": 30, "cost": {"amount": "1.49", "currency": "EUR"}},
        "clawed": {"coins": 40, "cost": {"amount": "2.00", "currency": "EUR"}},
    }

    payment_id: str | None
    player_id: str
    currency: str
    coins: int
    cost: Money
    unspent: ShareView
    spent: ShareView
    clawed: ShareView


@get("/v1/proof", guards=[scope(SCOPE)], tags=TAGS, summary="Prove the books")
async def read_proof(caller: Who, proving: Service[Proving]) -> ProofView:
    """Recompute every account and lot from the transfers, and hold the sums against each other.

    What payments know of disputes, refunds and payouts under way is held against the accounts too.

    Reads everything that the tenant has: meant for a scheduled check, not for every minute.
    """
    if _running.locked():
        raise problem("too_busy", "A proof is running already; try again shortly.")
    async with _running:
        return _proof(await prove(proving.db, caller.home.schema, proving.balances))


@get(
    "/v1/proof/status",
    guards=[scope(SCOPE)],
    tags=TAGS,
    summary="Read how the kept proof stands",
)
async def read_status(caller: Who, db: Service[Database]) -> ProofStatusView:
    """Return what the last rounds of the proof found, which is taken every few minutes."""
    status = await proof_status(db, caller.home)
    if status is None:
        return ProofStatusView(
            ok=None, checked_at=None, checked_seq=None, proved_at=None, proved_seq=None,
            problem_count=0, problems=[], broken_since=None,
        )  # fmt: skip
    kept = status.kept
    return ProofStatusView(
        ok=kept.ok,
        checked_at=kept.checked_at,
        checked_seq=kept.checked_seq,
        proved_at=kept.full_at,
        proved_seq=kept.full_seq,
        problem_count=kept.found,
        problems=_problems(status.problems),
        broken_since=status.broken_since,
    )


@get(
    "/v1/proof/payments",
    guards=[scope(SCOPE)],
    tags=TAGS,
    summary="List what stands behind coins",
)
async def read_backing(
    caller: Who, db: Service[Database], money: MoneyCode, limit: Limit = 50, after: After = None
) -> Page[BackingView]:
    """List payments of one money, newest first, with what became of the coins they bought."""
    place = decode_cursor(after, [int])
    before = NEWEST if place is None else int(place[0])
    found = await list_backing(db, caller.home.schema, money, limit, before)
    more = None if found.next is None else encode_cursor([found.next])
    return Page([_backing(lot, money) for lot in found.lots], more)


def _proof(proof: Proof) -> ProofView:
    return ProofView(
        ok=proof.ok,
        seq=proof.seq,
        accounts=proof.accounts,
        transfers=proof.transfers,
        problem_count=proof.found,
        problems=_problems(proof.problems),
        assets=[
            AssetView(asset=one.asset, kind=one.kind, accounts=one.accounts, sum=one.sum)
            for one in proof.assets
        ],
        money=[_money(one) for one in proof.money],
        unspent=[_unspent(one) for one in proof.unspent],
    )


def _problems(found: Sequence[Problem]) -> list[DiscrepancyView]:
    return [
        DiscrepancyView(check=one.check, subject=one.subject, detail=one.detail) for one in found
    ]


def _money(one: MoneyProof) -> MoneyView:
    def text(amount_minor: int) -> str:
        return format_money(amount_minor, one.scale)

    return MoneyView(
        money=one.money,
        captured=text(one.captured),
        refunded=text(one.refunded),
        disputed=text(one.disputed),
        unspent=text(one.unspent),
        recognised=text(one.recognised),
        taxes=text(one.taxes),
        surcharges=text(one.surcharges),
        written_off=text(one.written_off),
        unapplied=text(one.unapplied),
        refunding=text(one.refunding),
        suspense=text(one.suspense),
        other=text(one.other),
        backing=text(one.backing),
        fees=text(one.fees),
        paid_out=text(one.paid_out),
        payout_in_flight=text(one.payout_in_flight),
        payout_cost=text(one.payout_cost),
        held=text(one.held),
        holds=one.holds,
    )


def _unspent(one: UnspentPrice) -> UnspentView:
    priced = one.money is not None and one.per_coins > 0
    return UnspentView(
        currency=one.currency,
        coins=one.coins,
        price=write_money(one.price_minor, one.money) if priced and one.money else None,
        per_coins=one.per_coins,
        value=write_money(one.basis, one.money) if one.money else None,
    )


def _backing(lot: BackedLot, money: str) -> BackingView:
    def share(part: Share) -> ShareView:
        return ShareView(coins=part.coins, cost=write_money(part.basis, money))

    return BackingView(
        payment_id=lot.payment,
        player_id=lot.owner,
        currency=lot.currency,
        coins=lot.coins,
        cost=write_money(lot.basis, money),
        unspent=share(lot.unspent),
        spent=share(lot.spent),
        clawed=share(lot.clawed),
    )


ROUTES = (read_proof, read_status, read_backing)
