"""The route that explains a transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from litestar import get
from litestar.params import PathParameter

from guildbank.infra.database import Database
from guildbank.infra.http import (
    Caller,
    Service,
    View,
    Who,
    granted,
    machine_or_self,
    problem,
)
from guildbank.infra.http.schema import Money, write_money
from guildbank.kernel import seq_id
from guildbank.ledger.contracts import HOUSE, Address
from guildbank.ledger.usecases.explain import Explained, ExplainedLeg, Origin, explain

TAGS: Sequence[str] = ["Ledger"]
TransactionId = Annotated[str, PathParameter(description="The transaction's id.", max_length=90)]


class AccountView(View):
    """An account by its name: owner (a player's id or `house`), asset and bucket."""

    __example__: ClassVar = {
        "owner": "player_01kag3pyqmf9aag12vtrsy70ps",
        "asset": "GEM",
        "bucket": "paid",
    }

    owner: str
    asset: str
    bucket: str


class OriginView(View):
    """Coins of one lot: the transaction that first credited them, and what they cost.

    `paymentId` and `cost` are null for coins that nobody paid for.
    """

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "kind": "payments.credited",
        "coins": 30,
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "cost": {"amount": "1.49", "currency": "EUR"},
    }

    transaction_id: str
    kind: str
    at: datetime
    coins: int
    payment_id: str | None
    cost: Money | None


class LegView(View):
    """A movement of `amount` from `debit` to `credit`, in the asset's smallest unit.

    `origins` says which lots the coins are of, oldest spent first; `originsComplete` is false
    when there are more than are listed.
    """

    __example__: ClassVar = {
        "leg": 0,
        "credit": {"owner": "house", "asset": "GEM", "bucket": "sales"},
        "amount": 30,
        "debitBalance": 70,
        "creditBalance": 30,
    }

    leg: int
    debit: AccountView
    credit: AccountView
    amount: int
    debit_balance: int
    credit_balance: int
    origins: list[OriginView]
    origins_complete: bool


class TransactionView(View):
    """An entry of the journal with its movements. Players see neither `principal` nor `data`."""

    __example__: ClassVar = {
        "id": "txn_01m7yqwf9ke00800000000003v",
        "seq": 4711,
        "kind": "wallets.spent",
        "principal": "app_01kag3pyqmf9aag12vtrsy70ps",
        "data": {"player": "player_01kag3pyqmf9aag12vtrsy70ps", "currency": "GEM", "amount": 30},
    }

    id: str
    seq: int
    at: datetime
    kind: str
    principal: str | None
    data: msgspec.Raw | None
    legs: list[LegView]


@get(
    "/v1/transactions/{transaction_id:str}",
    guards=[machine_or_self("ledger:read")],
    tags=TAGS,
    summary="Explain a transaction",
)
async def read(
    caller: Who, db: Service[Database], transaction_id: TransactionId
) -> TransactionView:
    """Return a transaction's movements, and the lots and payments behind its coins.

    A player sees the movements of their own accounts.
    """
    found = granted(await explain(db, caller.home.schema, transaction_id))
    legs = [leg for leg in found.legs if _visible(leg, caller)]
    if caller.kind == "player" and not legs:
        raise problem("unknown_transaction", "There is no such transaction.")
    return _view(found, legs, open_=caller.kind != "player")


def _visible(leg: ExplainedLeg, caller: Caller) -> bool:
    return caller.kind != "player" or caller.player_id in (leg.debit.owner, leg.credit.owner)


def _view(found: Explained, legs: Sequence[ExplainedLeg], *, open_: bool) -> TransactionView:
    return TransactionView(
        id=seq_id("txn", found.seq, found.at),
        seq=found.seq,
        at=found.at,
        kind=found.kind,
        principal=found.principal if open_ else None,
        data=msgspec.Raw(found.data) if open_ else None,
        legs=[_leg(leg, open_=open_) for leg in legs],
    )


def _leg(leg: ExplainedLeg, *, open_: bool) -> LegView:
    return LegView(
        leg=leg.leg,
        debit=_account(leg.debit),
        credit=_account(leg.credit),
        amount=leg.amount,
        # What the house has in all is not a player's business.
        debit_balance=leg.debit_after if open_ or leg.debit.owner != HOUSE else 0,
        credit_balance=leg.credit_after if open_ or leg.credit.owner != HOUSE else 0,
        origins=[_origin(origin) for origin in leg.origins],
        origins_complete=leg.complete,
    )


def _account(address: Address) -> AccountView:
    return AccountView(owner=address.owner, asset=address.asset, bucket=address.bucket)


def _origin(origin: Origin) -> OriginView:
    cost = None
    if origin.money is not None and origin.basis is not None:
        cost = write_money(origin.basis, origin.money)
    return OriginView(
        transaction_id=seq_id("txn", origin.seq, origin.at),
        kind=origin.kind,
        at=origin.at,
        coins=origin.coins,
        payment_id=origin.payment,
        cost=cost,
    )


ROUTES = (read,)
