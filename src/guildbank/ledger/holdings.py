"""The shelf of holdings: all accounts of one owner in one asset, read and written in one go.

A player's buckets stand side by side in the index of addresses, so a wallet costs one descent
whatever its buckets are; the house's accounts have no running row and cost two each.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from guildbank.journal import Rows, Statement, words
from guildbank.ledger.contracts import HOUSE, PLAYER_PREFIX, Account
from guildbank.ledger.holding import Holding, HoldingKey

# Rows say by its place which key they are of; those of the house count downwards.
# An owner without an account in the asset has one row that says whether one may be opened. The
# accounts of a player who may start nothing are marked, so that nobody else is asked about.
# Totals of the house's accounts are those of their last transfers, found by the two unique
# indexes: no row of theirs is hot. OFFSET 0 keeps the planner from reading the house's accounts
# of all assets at once.
READ = """
SELECT asked.place, account.bucket, account.id, account.credited, account.spent, account.clawed,
       account.held, account.floor, account.ceiling, account.frozen, asset.cap, account.barred,
       account.expected,
       CASE
           WHEN account.id IS NULL
           THEN (SELECT player.state FROM identity_v_player AS player WHERE player.id = asked.owner)
       END AS owner_state
FROM unnest(string_to_array($1, ' '), string_to_array($2, ' '))
     WITH ORDINALITY AS asked (owner, asset, place)
LEFT JOIN ledger_asset AS asset ON asset.code = asked.asset
LEFT JOIN ledger_account AS account
  ON account.owner = asked.owner
 AND account.asset = asked.asset
UNION ALL
SELECT -asked.place, account.bucket, account.id,
       coalesce(last_credit.total, 0), coalesce(last_debit.total, 0),
       account.clawed, account.held, account.floor, account.ceiling, account.frozen, asset.cap,
       NULL, 0, NULL
FROM unnest(string_to_array($3, ' ')) WITH ORDINALITY AS asked (asset, place)
LEFT JOIN ledger_asset AS asset ON asset.code = asked.asset
LEFT JOIN LATERAL (
    SELECT *
    FROM ledger_account
    WHERE owner = 'house'
      AND asset = asked.asset
    OFFSET 0
) AS account ON TRUE
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

OPEN = """
INSERT INTO ledger_account
    (id, owner, asset, bucket, credited, spent, clawed, held, floor, ceiling, frozen, barred,
     expected)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[],
            $13::bigint[])
"""

# Numbers as text: the driver looks twice at each element of a list, which costs more than this.
SAVE = """
UPDATE ledger_account AS account
SET credited = new.credited, spent = new.spent, clawed = new.clawed, held = new.held
FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[],
            $5::text::bigint[]) AS new (id, credited, spent, clawed, held)
WHERE account.id = new.id
"""

SAVE_RULED = """
UPDATE ledger_account AS account
SET credited = new.credited, spent = new.spent, clawed = new.clawed, held = new.held,
    ceiling = new.ceiling, frozen = new.frozen, barred = new.barred, expected = new.expected
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::text[], $8::text[], $9::bigint[])
     AS new (id, credited, spent, clawed, held, ceiling, frozen, barred, expected)
WHERE account.id = new.id
"""


class Holdings:
    """Holdings by owner and asset; every key is found, with a `problem` where it may not be."""

    order: ClassVar[int] = 40
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[HoldingKey]) -> Statement:
        """Read the accounts of all keys."""
        players, houses = _sides(keys)
        names = (
            [owner for owner, _ in players],
            [asset for _, asset in players],
            [asset for _, asset in houses],
        )
        return Statement(READ, tuple(map(words, names)), dense=True)

    def read(self, keys: Sequence[HoldingKey], rows: Rows) -> Mapping[HoldingKey, Holding]:
        """Return the holdings of all keys."""
        players, houses = _sides(keys)
        found: dict[HoldingKey, Holding] = {}
        for row in rows:
            place, bucket, cap = row[0], row[1], row[10]
            key = players[place - 1] if place > 0 else houses[-place - 1]
            problem = _problem(key[0], cap, row[13]) if bucket is None else row[11]
            opened = {} if bucket is None else {bucket: Account(*row[2:13])}
            before = found.get(key)
            if before is not None:
                opened = {**before.accounts, **opened}
            found[key] = Holding(key[0], cap or 0, problem, opened)
        return found

    def saving(self, changed: Mapping[HoldingKey, Holding]) -> Sequence[Statement]:
        """Open new accounts and write totals; a house account's totals are in its transfers."""
        opened, moved, ruled = [], [], []
        for (owner, asset), holding in changed.items():
            for bucket, a in holding.accounts.items():
                if a.entry == 0:
                    continue
                if a.opening:
                    opened.append(_row(owner, asset, bucket, a))
                elif a.ruled:
                    ruled.append((*_totals(a), a.ceiling, a.frozen, a.problem, a.expected))
                elif not holding.house:
                    moved.append(_totals(a))
                # From now on it is as it will be read.
                a.entry = 0
                a.opening = a.ruled = False
        rows = ((OPEN, opened), (SAVE_RULED, ruled))
        saving = [Statement(text, tuple(zip(*some, strict=True))) for text, some in rows if some]
        if moved:
            columns = [f"{{{str([*one])[1:-1]}}}" for one in zip(*moved, strict=True)]
            saving.append(Statement(SAVE, tuple(columns)))
        return saving


def _sides(keys: Sequence[HoldingKey]) -> tuple[list[HoldingKey], list[HoldingKey]]:
    """Return the keys of players, and those of the house."""
    players = [key for key in keys if key[0] != HOUSE]
    return players, [key for key in keys if key[0] == HOUSE]


def _totals(a: Account) -> tuple[int, int, int, int, int]:
    return (a.id, a.credited, a.spent, a.clawed, a.held)


def _row(owner: str, asset: str, bucket: str, a: Account) -> tuple[object, ...]:
    totals = (0, 0, 0, 0) if owner == HOUSE else (a.credited, a.spent, a.clawed, a.held)
    rules = (a.floor, a.ceiling, a.frozen, a.problem, a.expected)
    return (a.id, owner, asset, bucket, *totals, *rules)


def _problem(owner: str, cap: int | None, state: str | None) -> str | None:
    if cap is None:
        return "unknown_asset"
    if not owner.startswith(PLAYER_PREFIX) or state == "active":
        return None
    if state is None:
        return "unknown_account"
    return "player_suspended" if state == "suspended" else "player_closed"


HOLDINGS = Holdings()
