"""Routes of a player's balances and statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from litestar import get
from litestar.params import PathParameter, QueryParameter

from guildbank.infra.database import Database
from guildbank.infra.http import (
    After,
    Caller,
    Limit,
    Page,
    Service,
    View,
    Who,
    a_player,
    decode_cursor,
    encode_cursor,
    granted,
    machine_or_self,
    problem,
)
from guildbank.kernel import seq_id
from guildbank.ledger.usecases.balances import read_balances
from guildbank.ledger.usecases.statement import (
    Filters,
    StatementCursor,
    StatementLine,
    read_statement,
)

READ = "ledger:read"
TAGS: Sequence[str] = ["Ledger"]
OWN_TAGS: Sequence[str] = ["Wallet of the player"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
_WORD = r"^[A-Za-z0-9_.:-]+$(?!\n)"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,15}([Zz]|[+-][0-9:]{5})$(?!\n)"
_WHEN = "RFC 3339, with a zone, such as 2026-11-21T10:00:00Z."
At = Annotated[
    str | None, QueryParameter(name="at", pattern=_TIME, description=f"A past time. {_WHEN}")
]
Since = Annotated[
    str | None, QueryParameter(name="from", pattern=_TIME, description=f"Not before. {_WHEN}")
]
Until = Annotated[
    str | None, QueryParameter(name="to", pattern=_TIME, description=f"Before. {_WHEN}")
]
Word = Annotated[str | None, QueryParameter(min_length=1, max_length=64, pattern=_WORD)]
Bucket = Literal["paid", "free", "bonus", "debt"]
Direction = Annotated[
    Literal["in", "out"] | None, QueryParameter(description="Only credits, or only debits.")
]


class CurrencyBalanceView(View):
    """Coins of one currency. `total` is paid + free + bonus; `debt` is what the player owes.

    `available` is what can be spent; it and `held` are null for a past time.
    """

    __example__: ClassVar = {
        "paid": 100,
        "free": 140,
        "bonus": 10,
        "total": 250,
        "debt": 0,
        "held": 30,
        "available": 220,
        "frozen": None,
    }

    currency: str
    paid: int
    free: int
    bonus: int
    total: int
    debt: int
    held: int | None
    available: int | None
    frozen: str | None


class BalancesView(View):
    """A player's balances as of `seq`, the journal's last entry then."""

    __example__: ClassVar = {
        "seq": 4711,
    }

    player_id: str
    seq: int
    balances: list[CurrencyBalanceView]


class StatementLineView(View):
    """One movement of a bucket; `amount` is negative when coins left.

    `balance` is the bucket's afterwards, `total` that of all buckets but debt (null when the
    statement is of one bucket).
    """

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "leg": 0,
        "kind": "wallets.spent",
        "bucket": "paid",
        "amount": -30,
        "balance": 70,
        "total": 220,
        "counterpart": "house/sales",
    }

    transaction_id: str
    leg: int
    at: datetime
    kind: str
    currency: str
    bucket: str
    amount: int
    balance: int
    total: int | None
    counterpart: str


@get(
    "/v1/players/{player_id:str}/balances",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a player's balances",
)
async def balances(
    caller: Who, db: Service[Database], player_id: PlayerId, at: At = None
) -> BalancesView:
    """Return what a player has of each currency, now or at a past time."""
    return await _balances(db, caller, player_id, _time(at, "at"))


@get(
    ["/wallet/balance", "/v1/wallet/balance"],
    guards=[a_player],
    tags=OWN_TAGS,
    summary="Read one's balances",
)
async def own_balances(caller: Who, db: Service[Database]) -> BalancesView:
    """Return what the player has of each currency."""
    return await _balances(db, caller, caller.principal, None)


async def _balances(
    db: Database, caller: Caller, player_id: str, at: datetime | None
) -> BalancesView:
    found = granted(await read_balances(db, caller.home.schema, player_id, at))
    return BalancesView(
        player_id=found.player,
        seq=found.seq,
        balances=[CurrencyBalanceView(**msgspec.structs.asdict(one)) for one in found.currencies],
    )


@get(
    "/v1/players/{player_id:str}/statement",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a player's statement",
)
async def statement(
    caller: Who,
    db: Service[Database],
    player_id: PlayerId,
    currency: Word = None,
    bucket: Annotated[Bucket | None, QueryParameter()] = None,
    kind: Word = None,
    since: Since = None,
    until: Until = None,
    direction: Direction = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[StatementLineView]:
    """List what moved in a player's wallet, newest first, with the balance after each movement.

    A page may be short, even empty, while `next` is not null: a filter looks at a bounded number
    of movements at a time.
    """
    filters = Filters(
        currency=currency,
        bucket=bucket,
        kind=kind,
        since=_time(since, "from"),
        until=_time(until, "to"),
        direction=direction,
    )
    return await _statement(db, caller, player_id, filters, limit, after)


@get(
    ["/wallet/transactions", "/v1/wallet/transactions"],
    guards=[a_player],
    tags=OWN_TAGS,
    summary="List one's transactions",
)
async def own_statement(
    caller: Who,
    db: Service[Database],
    currency: Word = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[StatementLineView]:
    """List what moved in the player's wallet, newest first: purchases, spends, refunds, gifts."""
    filters = Filters(currency=currency)
    return await _statement(db, caller, caller.principal, filters, limit, after)


async def _statement(
    db: Database, caller: Caller, player_id: str, filters: Filters, limit: int, after: str | None
) -> Page[StatementLineView]:
    found = granted(
        await read_statement(db, caller.home.schema, player_id, filters, limit, _cursor(after))
    )
    more = None
    if found.next is not None:
        more = encode_cursor([msgspec.json.encode(found.next).decode()])
    return Page([_line(line) for line in found.lines], more)


def _line(line: StatementLine) -> StatementLineView:
    return StatementLineView(
        transaction_id=seq_id("txn", line.seq, line.at),
        leg=line.leg,
        at=line.at,
        kind=line.kind,
        currency=line.currency,
        bucket=line.bucket,
        amount=line.amount,
        balance=line.balance,
        total=line.total,
        counterpart=line.other,
    )


def _cursor(after: str | None) -> StatementCursor | None:
    place = decode_cursor(after, [str])
    if place is None:
        return None
    try:
        cursor = msgspec.json.decode(str(place[0]), type=StatementCursor)
    except msgspec.DecodeError:
        raise problem("invalid_value", "This cursor was not made by this call.", "after") from None
    numbers = [*cursor.before, *(number for one in cursor.places for number in one)]
    if any(not -(2**63) <= number < 2**63 for number in numbers):
        raise problem("invalid_value", "This cursor was not made by this call.", "after")
    return cursor


def _time(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        at = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise problem("invalid_value", f"{field} is not a time. {_WHEN}", field) from None
    if at.tzinfo is None:
        raise problem("invalid_value", f"{field} has no zone. {_WHEN}", field)
    return at


ROUTES = (balances, own_balances, statement, own_statement)
