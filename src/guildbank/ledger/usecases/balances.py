"""What a player has: now, with what is held, or at any time before."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from guildbank.infra.database import Database
from guildbank.journal import seq_at
from guildbank.kernel import Refusal
from guildbank.ledger.contracts import PLAYER_PREFIX
from guildbank.ledger.reading.accounts import (
    AccountRow,
    player_exists,
    positions_at,
    read_wallet,
)

BUCKETS = ("paid", "free", "bonus")
DEBT = "debt"
NOW = datetime(9999, 12, 31, tzinfo=UTC)
NO_PLAYER = Refusal(code="not_found", detail="There is no such player.")


class CurrencyBalance(msgspec.Struct, frozen=True, kw_only=True):
    """A player's coins of one currency. `total` is paid + free + bonus; `debt` is what they owe.

    `available` is `total` less `held`, and 0 while the wallet is frozen or in debt: neither lets
    anything be spent. Both are None for a past time: holds leave no trace in the transfers.
    """

    currency: str
    paid: int = 0
    free: int = 0
    bonus: int = 0
    total: int = 0
    debt: int = 0
    held: int | None = None
    available: int | None = None
    frozen: str | None = None


class Balances(msgspec.Struct, frozen=True):
    """A player's balances as of entry `seq`; currencies that were never used are left out."""

    player: str
    seq: int
    currencies: list[CurrencyBalance]


async def read_balances(
    db: Database, schema: str, player_id: str, at: datetime | None = None
) -> Balances | Refusal:
    """Return a player's balances now, or as they were at a time; or `not_found`."""
    async with db.begin(schema, read_only=True) as tx:
        if not player_id.startswith(PLAYER_PREFIX) or not await player_exists(tx.driver, player_id):
            return NO_PLAYER
        accounts = await read_wallet(tx.driver, player_id)
        if at is None:
            seq = await seq_at(tx.driver, NOW)
            return Balances(player_id, seq, _current(accounts))
        seq = await seq_at(tx.driver, at)
        then = await positions_at(tx.driver, accounts, seq)
    opened = [account for account in accounts if then[account.id].credited]
    opened += [a for a in accounts if a.bucket == DEBT and then[a.id].spent and a not in opened]
    balances = {account.id: then[account.id].balance for account in opened}
    return Balances(player_id, seq, _grouped(opened, balances))


def _current(accounts: Sequence[AccountRow]) -> list[CurrencyBalance]:
    found = _grouped(accounts, {account.id: account.balance for account in accounts})
    held: dict[str, int] = {}
    frozen: dict[str, str] = {}
    for account in accounts:
        if account.bucket in BUCKETS:
            held[account.asset] = held.get(account.asset, 0) + account.held
            if account.frozen is not None:
                frozen[account.asset] = account.frozen
    return [
        msgspec.structs.replace(
            one,
            held=held.get(one.currency, 0),
            available=(
                0 if one.debt or one.currency in frozen else one.total - held.get(one.currency, 0)
            ),
            frozen=frozen.get(one.currency),
        )
        for one in found
    ]


def _grouped(accounts: Sequence[AccountRow], balances: dict[int, int]) -> list[CurrencyBalance]:
    buckets: dict[str, dict[str, int]] = {}
    for account in accounts:
        buckets.setdefault(account.asset, {})[account.bucket] = balances[account.id]
    return [
        CurrencyBalance(
            currency=asset,
            paid=own.get("paid", 0),
            free=own.get("free", 0),
            bonus=own.get("bonus", 0),
            total=sum(own.get(bucket, 0) for bucket in BUCKETS),
            debt=-own.get(DEBT, 0),
        )
        for asset, own in sorted(buckets.items())
    ]
