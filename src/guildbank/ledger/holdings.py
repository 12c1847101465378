"""The shelf of holdings: all accounts of one owner in one asset, read and written in one go.

A player's buckets stand side by side in the index of addresses, so a wallet costs one descent
whatever its buckets are; the house's accounts have no running row and cost two each.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from guildbank.journal import Driver
from guildbank.ledger.contracts import HOUSE, PLAYER_PREFIX, Account
from guildbank.ledger.holding import Holding, HoldingKey

# Totals of the house's accounts are those of their last transfers, found by the two unique
# indexes: no row of theirs is hot.
READ = """
SELECT account.owner, account.asset, account.bucket, account.id, account.credited, account.spent,
       account.clawed, account.held, account.floor, account.ceiling, account.frozen, asset.cap
FROM unnest($1::text[], $2::text[]) AS asked (owner, asset)
JOIN ledger_account AS account
  ON account.owner = asked.owner
 AND account.asset = asked.asset
JOIN ledger_asset AS asset ON asset.code = account.asset
UNION ALL
SELECT account.owner, account.asset, account.bucket, account.id,
       coalesce(last_credit.total, 0), coalesce(last_debit.total, 0),
       account.clawed, account.held, account.floor, account.ceiling, account.frozen, asset.cap
FROM unnest($3::text[]) AS asked (asset)
JOIN ledger_account AS account
  ON account.owner = 'house'
 AND account.asset = asked.asset
JOIN ledger_asset AS asset ON asset.code = account.asset
LEFT JOIN LATERAL (
    SELECT credit_offset + amount AS total
    FROM ledger_transfer
    WHERE credit = account.id
    ORDER BY credit_offset DESC
    LIMIT 1
) AS last_credit ON TRUE
LEFT JOIN LATERAL (
    SELECT debit_offset + amount AS total
    FROM ledger_transfer
    WHERE debit = account.id
      AND debit_offset IS NOT NULL
    ORDER BY debit_offset DESC
    LIMIT 1
) AS last_debit ON TRUE
"""

# Owners who have no account in the asset yet: may they have one?
READ_NEWCOMERS = """
SELECT asked.owner, asked.asset, asset.cap, player.id IS NOT NULL
FROM unnest($1::text[], $2::text[]) AS asked (owner, asset)
LEFT JOIN ledger_asset AS asset ON asset.code = asked.asset
LEFT JOIN identity_v_player AS player ON player.id = asked.owner
"""

OPEN = """
INSERT INTO ledger_account
    (id, owner, asset, bucket, credited, spent, clawed, held, floor, ceiling, frozen)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[])
"""

SAVE = """
UPDATE ledger_account AS account
SET credited = new.credited, spent = new.spent, clawed = new.clawed, held = new.held,
    ceiling = new.ceiling, frozen = new.frozen
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::text[]) AS new (id, credited, spent, clawed, held, ceiling, frozen)
WHERE account.id = new.id
"""


class Holdings:
    """Holdings by owner and asset; every key is found, with a `problem` where it may not be."""

    order: ClassVar[int] = 40

    async def load(
        self, driver: Driver, keys: Sequence[HoldingKey]
    ) -> Mapping[HoldingKey, Holding]:
        """Return the holdings of all keys."""
        players = [key for key in keys if key[0] != HOUSE]
        found: dict[HoldingKey, Holding] = {}
        for row in await driver.fetch(
            READ,
            [owner for owner, _ in players],
            [asset for _, asset in players],
            [asset for owner, asset in keys if owner == HOUSE],
        ):
            key = (row[0], row[1])
            holding = found.get(key)
            if holding is None:
                holding = found[key] = Holding(row[0] == HOUSE, row[11])
            holding.accounts[row[2]] = Account(*row[3:12])
        newcomers = [key for key in keys if key not in found]
        if newcomers:
            owners, assets = zip(*newcomers, strict=True)
            for owner, asset, cap, player in await driver.fetch(READ_NEWCOMERS, owners, assets):
                found[owner, asset] = Holding(
                    owner == HOUSE, cap or 0, _problem(owner, cap, player)
                )
        return found

    async def save(self, driver: Driver, changed: Mapping[HoldingKey, Holding]) -> None:
        """Open new accounts and write totals; a house account's totals are in its transfers."""
        new = []
        old = []
        for (owner, asset), holding in changed.items():
            for bucket, account in holding.accounts.items():
                if account.opening:
                    new.append((owner, asset, bucket, account))
                elif account.touched and not holding.house:
                    old.append(account)
        if new:
            await driver.execute(OPEN, *zip(*map(_row, new), strict=True))
        if old:
            await driver.execute(
                SAVE,
                [a.id for a in old], [a.credited for a in old], [a.spent for a in old],
                [a.clawed for a in old], [a.held for a in old], [a.ceiling for a in old],
                [a.frozen for a in old],
            )  # fmt: skip


def _row(opened: tuple[str, str, str, Account]) -> tuple[object, ...]:
    owner, asset, bucket, a = opened
    totals = (0, 0, 0, 0) if owner == HOUSE else (a.credited, a.spent, a.clawed, a.held)
    return (a.id, owner, asset, bucket, *totals, a.floor, a.ceiling, a.frozen)


def _problem(owner: str, cap: int | None, player: bool) -> str | None:
    if cap is None:
        return "unknown_asset"
    if owner.startswith(PLAYER_PREFIX) and not player:
        return "unknown_account"
    return None


HOLDINGS = Holdings()
