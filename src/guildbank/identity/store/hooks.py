"""SQL of hooks, on a tenant's schema: the shelf that acts change, and a plain read."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from guildbank.identity.contracts.hooks import Hook
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement

HOOKS_AT = """
SELECT point, url, sealed_secret, timeout_ms, enabled, changed_at
FROM identity_hook
WHERE point = ANY($1::text[])
"""

ALL_HOOKS = """
SELECT point, url, sealed_secret, timeout_ms, enabled, changed_at
FROM identity_hook
ORDER BY point
"""

SAVE_HOOKS = """
INSERT INTO identity_hook (point, url, sealed_secret, timeout_ms, enabled, changed_at)
SELECT *
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::boolean[], $6::timestamptz[])
ON CONFLICT (point) DO UPDATE
SET url = EXCLUDED.url,
    sealed_secret = EXCLUDED.sealed_secret,
    timeout_ms = EXCLUDED.timeout_ms,
    enabled = EXCLUDED.enabled,
    changed_at = EXCLUDED.changed_at
"""


class Hooks:
    """The shelf of hooks by their point."""

    order: ClassVar[int] = IDENTITY_ORDER + 5
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the hooks that are set."""
        return Statement(HOOKS_AT, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Hook]:
        """Return the hooks by point."""
        return {row[0]: _hook(row) for row in rows}

    def saving(self, changed: Mapping[str, Hook]) -> Sequence[Statement]:
        """Set the hooks."""
        rows = [
            (one.point, one.url, one.sealed_secret, one.timeout_ms, one.enabled, one.changed_at)
            for one in changed.values()
        ]
        return [Statement(SAVE_HOOKS, tuple(zip(*rows, strict=True)))]


HOOKS = Hooks()


async def all_hooks(driver: Driver) -> list[Hook]:
    """Return the hooks of the tenant, switched off or on."""
    return [_hook(row) for row in await driver.fetch(ALL_HOOKS)]


def _hook(row: Any) -> Hook:
    return Hook(
        point=row[0],
        url=row[1],
        sealed_secret=bytes(row[2]),
        timeout_ms=row[3],
        enabled=row[4],
        changed_at=row[5],
    )
