"""SQL of the secrets of steps: the shelf that an act writes, and the reading for a purchase."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

import msgspec

from guildbank.journal import Driver, Rows, Statement, fetch_rows
from guildbank.pipelines.contracts import PIPELINES_ORDER

READ = """
SELECT purpose, step, plugin, place, sealed, changed_at
FROM pipelines_secret
WHERE (purpose, step, plugin, place) IN (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
)
"""

SAVE = """
INSERT INTO pipelines_secret (purpose, step, plugin, place, sealed, changed_at)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[])
ON CONFLICT (purpose, step, plugin, place) DO UPDATE
SET sealed = excluded.sealed, changed_at = excluded.changed_at
"""


class SecretKey(NamedTuple):
    """Whose secrets they are: a step's of a plugin. `place` tells the settings they go with."""

    purpose: str
    step: str
    plugin: str
    place: str


class Secret(msgspec.Struct, frozen=True):
    """The secrets of a step, sealed under the tenant's key for this place alone."""

    sealed: bytes
    changed_at: datetime


class Secrets:
    """Secrets of steps by whose they are."""

    order: ClassVar[int] = PIPELINES_ORDER + 2
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[SecretKey]) -> Statement:
        """Read those that are set."""
        return Statement(READ, tuple(zip(*keys, strict=True)))

    def read(self, keys: Sequence[SecretKey], rows: Rows) -> Mapping[SecretKey, Secret]:
        """Return the secrets."""
        return {SecretKey(*row[:4]): Secret(row[4], row[5]) for row in rows}

    def saving(self, changed: Mapping[SecretKey, Secret]) -> Sequence[Statement]:
        """Set them."""
        rows = [(*key, one.sealed, one.changed_at) for key, one in changed.items()]
        return [Statement(SAVE, tuple(zip(*rows, strict=True)))]


SECRETS = Secrets()


async def secrets_of(driver: Driver, keys: Sequence[SecretKey]) -> Mapping[SecretKey, Secret]:
    """Return those that are set."""
    return await fetch_rows(driver, SECRETS, keys)
