"""SQL of the policies for coins already spent: their shelf for acts, and a plain read."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from guildbank.journal import Driver, Rows, Statement
from guildbank.payments.contracts.rows import PAYMENTS_ORDER
from guildbank.payments.contracts.spent import SpentPolicy
from guildbank.tenancy import SpentCoins

READ = """
SELECT currency, policy, providers
FROM payments_spent_coins
WHERE currency = ANY($1::text[])
"""

READ_ALL = """
SELECT currency, policy, providers
FROM payments_spent_coins
ORDER BY currency
"""

SAVE = """
INSERT INTO payments_spent_coins (currency, policy, providers)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (currency) DO UPDATE
SET policy = excluded.policy, providers = excluded.providers
"""

_PROVIDERS = msgspec.json.Decoder(dict[str, SpentCoins])


class Spent:
    """Policies by currency."""

    order: ClassVar[int] = PAYMENTS_ORDER + 9
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that were ever set."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, SpentPolicy]:
        """Return the policies by currency."""
        return {one.currency: one for one in map(_policy, rows)}

    def saving(self, changed: Mapping[str, SpentPolicy]) -> Sequence[Statement]:
        """Write the policies."""
        rows = [
            (one.currency, one.policy, msgspec.json.encode(one.providers).decode())
            for one in changed.values()
        ]
        return [Statement(SAVE, tuple(zip(*rows, strict=True)))]


SPENT = Spent()


async def all_policies(driver: Driver) -> list[SpentPolicy]:
    """Return the policies of all currencies that have one."""
    return [_policy(row) for row in await driver.fetch(READ_ALL)]


def _policy(row: Sequence[Any]) -> SpentPolicy:
    currency, policy, providers = row
    return SpentPolicy(currency=currency, policy=policy, providers=_PROVIDERS.decode(providers))
