"""SQL of what a tenant set up for signing in elsewhere: identity providers and return URLs."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from guildbank.identity.contracts.external import ProviderAccount
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement

_COLUMNS = "id, enabled, settings, sealed, created_at, changed_at, version"

USES_OF_PLUGIN = """
SELECT 'the identity provider ' || id
FROM identity_provider
WHERE id = $1
  AND enabled
UNION ALL
SELECT 'the captcha ' || captcha_provider
FROM identity_protection
WHERE captcha_provider = $1
"""

PROVIDERS_BY_ID = f"""
SELECT {_COLUMNS}
FROM identity_provider
WHERE id = ANY($1::text[])
"""  # noqa: S608 - names of our own columns

ALL_PROVIDERS = f"""
SELECT {_COLUMNS}
FROM identity_provider
ORDER BY id
"""  # noqa: S608 - names of our own columns

SAVE_PROVIDERS = f"""
INSERT INTO identity_provider ({_COLUMNS})
SELECT *
FROM unnest($1::text[], $2::boolean[], $3::text[], $4::bytea[], $5::timestamptz[],
            $6::timestamptz[], $7::text[])
ON CONFLICT (id) DO UPDATE
SET enabled = EXCLUDED.enabled,
    settings = EXCLUDED.settings,
    sealed = EXCLUDED.sealed,
    changed_at = EXCLUDED.changed_at,
    version = EXCLUDED.version
"""  # noqa: S608 - names of our own columns

RETURN_URLS_IN_ORDER = """
SELECT url
FROM identity_return_url
ORDER BY url
"""

DROP_OTHER_URLS = """
DELETE FROM identity_return_url
WHERE url <> ALL($1::text[])
"""

ADD_URLS = """
INSERT INTO identity_return_url (url)
SELECT *
FROM unnest($1::text[])
ON CONFLICT (url) DO NOTHING
"""

WHOLE = "all"
"""The only key of the shelf of return URLs."""


class Providers:
    """The tenant's settings of identity providers, by the plugin's id."""

    order: ClassVar[int] = IDENTITY_ORDER
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that are set up."""
        return Statement(PROVIDERS_BY_ID, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, ProviderAccount]:
        """Return them by id."""
        return {one.id: one for one in map(_account, rows)}

    def saving(self, changed: Mapping[str, ProviderAccount]) -> Sequence[Statement]:
        """Insert or update them."""
        rows = [
            (
                one.id, one.enabled, one.settings, one.sealed, one.created_at, one.changed_at,
                one.version,
            )
            for one in changed.values()
        ]  # fmt: skip
        return [Statement(SAVE_PROVIDERS, tuple(zip(*rows, strict=True)))]


class ReturnUrls:
    """The return URLs of the tenant, all under one key."""

    order: ClassVar[int] = IDENTITY_ORDER
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read all."""
        return Statement(RETURN_URLS_IN_ORDER, ())

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, tuple[str, ...]]:
        """Return all under the one key."""
        return {WHOLE: tuple(row[0] for row in rows)}

    def saving(self, changed: Mapping[str, tuple[str, ...]]) -> Sequence[Statement]:
        """Drop those that are not named any more and add the new ones."""
        urls = list(changed[WHOLE])
        return [Statement(DROP_OTHER_URLS, (urls,)), Statement(ADD_URLS, (urls,))]


PROVIDERS = Providers()
RETURN_URLS = ReturnUrls()


async def all_providers(driver: Driver) -> list[ProviderAccount]:
    """Return what the tenant set up, in the order of ids."""
    return [_account(row) for row in await driver.fetch(ALL_PROVIDERS)]


async def provider_at(driver: Driver, id_: str) -> ProviderAccount | None:
    """Return what the tenant set up of one provider."""
    row = await driver.fetchrow(PROVIDERS_BY_ID, [id_])
    return None if row is None else _account(row)


async def return_urls(driver: Driver) -> tuple[str, ...]:
    """Return the return URLs in their order."""
    return tuple(row[0] for row in await driver.fetch(RETURN_URLS_IN_ORDER))


def _account(row: Sequence[Any]) -> ProviderAccount:
    return ProviderAccount(
        id=row[0],
        enabled=row[1],
        settings=row[2],
        sealed=bytes(row[3]),
        created_at=row[4],
        changed_at=row[5],
        version=row[6],
    )
