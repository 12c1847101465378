"""SQL of what keeps robots out, on a tenant's schema."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from guildbank.identity.contracts.protection import Captcha, Protection
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement

ONLY = "tenant"
"""The key of the one row."""

READ_PROTECTION = """
SELECT id, disposable_addresses, captcha_provider, captcha_site_key, captcha_settings,
       captcha_actions, changed_at, captcha_version
FROM identity_protection
WHERE id = ANY($1::text[])
"""

SAVE_PROTECTION = """
INSERT INTO identity_protection
    (id, disposable_addresses, captcha_provider, captcha_site_key, captcha_settings,
     captcha_actions, changed_at, captcha_version)
VALUES ($1, $2, $3, $4, $5, string_to_array($6, ','), $7, $8)
ON CONFLICT (id) DO UPDATE
SET disposable_addresses = EXCLUDED.disposable_addresses,
    captcha_provider = EXCLUDED.captcha_provider,
    captcha_site_key = EXCLUDED.captcha_site_key,
    captcha_settings = EXCLUDED.captcha_settings,
    captcha_actions = EXCLUDED.captcha_actions,
    changed_at = EXCLUDED.changed_at,
    captcha_version = EXCLUDED.captcha_version
"""


class Protections:
    """The shelf of the one row."""

    order: ClassVar[int] = IDENTITY_ORDER + 6
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the row if there is one."""
        return Statement(READ_PROTECTION, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Protection]:
        """Return the tenant's choice."""
        return {row[0]: _protection(row) for row in rows}

    def saving(self, changed: Mapping[str, Protection]) -> Sequence[Statement]:
        """Write the row."""
        return [Statement(SAVE_PROTECTION, _columns(key, one)) for key, one in changed.items()]


PROTECTIONS = Protections()


async def protection_of(driver: Driver) -> Protection:
    """Return the tenant's choice, or what holds for one that never chose."""
    row = await driver.fetchrow(READ_PROTECTION, [ONLY])
    return Protection() if row is None else _protection(row)


def _protection(row: Any) -> Protection:
    captcha = None
    if row[2] is not None:
        captcha = Captcha(
            provider=row[2], site_key=row[3], sealed=bytes(row[4]), actions=tuple(row[5]),
            version=row[7],
        )  # fmt: skip
    return Protection(disposable_addresses=row[1], captcha=captcha, changed_at=row[6])


def _columns(key: str, one: Protection) -> tuple[Any, ...]:
    captcha = one.captcha
    return (
        key,
        one.disposable_addresses,
        None if captcha is None else captcha.provider,
        None if captcha is None else captcha.site_key,
        None if captcha is None else captcha.sealed,
        "" if captcha is None else ",".join(captcha.actions),
        one.changed_at,
        "" if captcha is None else captcha.version,
    )
