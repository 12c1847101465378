"""The shelf of assets: what a tenant counts, made once and never changed."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from iso4217 import Currency

from guildbank.journal import Rows, Statement
from guildbank.ledger.contracts import Asset

READ = """
SELECT code, kind, scale, cap
FROM ledger_asset
WHERE code = ANY($1::text[])
"""

SAVE = """
INSERT INTO ledger_asset (code, kind, scale, cap)
SELECT *
FROM unnest($1::text[], $2::text[], $3::smallint[], $4::bigint[])
ON CONFLICT (code) DO NOTHING
"""


class Assets:
    """Assets by code."""

    order: ClassVar[int] = 39
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the assets that exist."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Asset]:
        """Return the assets by code."""
        return {row[0]: Asset(*row) for row in rows}

    def saving(self, changed: Mapping[str, Asset]) -> Sequence[Statement]:
        """Insert new assets."""
        rows = [(one.code, one.kind, one.scale, one.cap) for one in changed.values()]
        return [Statement(SAVE, tuple(zip(*rows, strict=True)))]


ASSETS = Assets()


def money_asset(code: str) -> Asset:
    """Return the asset of an ISO 4217 currency; raises ValueError for any other code."""
    return Asset(code, "money", Currency(code).exponent or 0)


def is_money(code: str) -> bool:
    """Say whether the code is real money's (ISO 4217), which no game currency may take."""
    return code in Currency.__members__ or code in {one.code for one in Currency}
