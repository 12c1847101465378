"""The shelf of assets: what a tenant counts, made once and never changed."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from iso4217 import Currency

from guildbank.journal import Driver
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

    async def load(self, driver: Driver, keys: Sequence[str]) -> Mapping[str, Asset]:
        """Return the assets that exist."""
        return {row[0]: Asset(*row) for row in await driver.fetch(READ, keys)}

    async def save(self, driver: Driver, changed: Mapping[str, Asset]) -> None:
        """Insert new assets."""
        assets = changed.values()
        await driver.execute(
            SAVE,
            [one.code for one in assets],
            [one.kind for one in assets],
            [one.scale for one in assets],
            [one.cap for one in assets],
        )


ASSETS = Assets()


def money_asset(code: str) -> Asset:
    """Return the asset of an ISO 4217 currency; raises ValueError for any other code."""
    return Asset(code, "money", Currency(code).exponent or 0)


def is_money(code: str) -> bool:
    """Say whether the code is real money's (ISO 4217), which no game currency may take."""
    return code in Currency.__members__ or code in {one.code for one in Currency}
