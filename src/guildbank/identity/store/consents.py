"""SQL of documents and consents, on a tenant's schema."""

from collections.abc import Sequence
from typing import Any

from guildbank.identity.contracts.consents import Consent, Document
from guildbank.journal import Driver

_DOCUMENT = "kind, version, title, url, required, published_by, published_at"

PUBLISH = f"""
INSERT INTO identity_document ({_DOCUMENT})
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (kind, version) DO NOTHING
RETURNING kind
"""  # noqa: S608 - names of our own columns

ONE = f"""
SELECT {_DOCUMENT}
FROM identity_document
WHERE kind = $1
  AND version = $2
"""  # noqa: S608 - names of our own columns

ALL = f"""
SELECT {_DOCUMENT}
FROM identity_document
ORDER BY published_at DESC, kind, version
LIMIT $1
"""  # noqa: S608 - names of our own columns

NEWEST = f"""
SELECT DISTINCT ON (kind) {_DOCUMENT}
FROM identity_document
ORDER BY kind, published_at DESC, version DESC
"""  # noqa: S608 - names of our own columns

COUNT = """
SELECT count(*)
FROM identity_document
"""

# Nobody who is erased meanwhile consents: the row would outlive the sweep.
ADD = """
INSERT INTO identity_consent (id, player_id, kind, version, given, principal, at)
SELECT $1, id, $3, $4, $5, $6, $7
FROM identity_player
WHERE id = $2
  AND state <> 'erased'
FOR SHARE
RETURNING id
"""

COUNT_OF = """
SELECT count(*)
FROM identity_consent
WHERE player_id = $1
"""

LATEST = """
SELECT DISTINCT ON (kind) kind, version, given, principal, at
FROM identity_consent
WHERE player_id = $1
ORDER BY kind, id DESC
"""

HISTORY = """
SELECT kind, version, given, principal, at
FROM identity_consent
WHERE player_id = $1
ORDER BY id DESC
LIMIT $2
"""


async def publish(driver: Driver, one: Document) -> bool:
    """Keep a version; False if it is there already."""
    values = (one.kind, one.version, one.title, one.url, one.required)
    added = await driver.fetchval(PUBLISH, *values, one.published_by, one.published_at)
    return added is not None


async def document(driver: Driver, kind: str, version: str) -> Document | None:
    """Return a version."""
    row = await driver.fetchrow(ONE, kind, version)
    return None if row is None else _document(row)


async def documents(driver: Driver, limit: int) -> list[Document]:
    """Return all versions, the newest first."""
    return [_document(row) for row in await driver.fetch(ALL, limit)]


async def newest(driver: Driver) -> list[Document]:
    """Return the newest version of each kind."""
    return [_document(row) for row in await driver.fetch(NEWEST)]


async def count(driver: Driver) -> int:
    """Return how many versions there are."""
    found: int = await driver.fetchval(COUNT)
    return found


async def add(driver: Driver, id_: str, player_id: str, one: Consent) -> bool:
    """Keep what a player said; False for one who is unknown or erased."""
    values = (id_, player_id, one.kind, one.version, one.given, one.principal, one.at)
    return await driver.fetchval(ADD, *values) is not None


async def latest(driver: Driver, player_id: str) -> list[Consent]:
    """Return what the player said last of each kind."""
    return [_consent(row) for row in await driver.fetch(LATEST, player_id)]


async def history(driver: Driver, player_id: str, limit: int) -> list[Consent]:
    """Return all that the player said, the latest first."""
    return [_consent(row) for row in await driver.fetch(HISTORY, player_id, limit)]


def _document(row: Sequence[Any]) -> Document:
    return Document(**dict(zip(_DOCUMENT.split(", "), row, strict=True)))


def _consent(row: Sequence[Any]) -> Consent:
    return Consent(kind=row[0], version=row[1], given=row[2], principal=row[3], at=row[4])


async def count_of(driver: Driver, player_id: str) -> int:
    """Return how often the player agreed or took it back."""
    return int(await driver.fetchval(COUNT_OF, player_id))
