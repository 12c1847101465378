"""SQL of the store: the shelf of packs and plain reads."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from guildbank.journal import Driver, Rows, Statement, fetch_rows
from guildbank.store.contracts import STORE_ORDER, Pack

READ_NEWEST = """
SELECT id, document
FROM store_pack
WHERE id = ANY($1::text[])
  AND newest
"""

READ_VERSION = """
SELECT document
FROM store_pack
WHERE id = $1
  AND version = $2
"""

READ_PAGE = """
SELECT document
FROM store_pack
WHERE id > $1
  AND newest
ORDER BY id
LIMIT $2
"""

READ_OF_CURRENCY = """
SELECT document
FROM store_pack
WHERE newest
  AND document::jsonb ->> 'currency' = $1
  AND (document::jsonb ->> 'active')::boolean
ORDER BY id
LIMIT 1000
"""

# The version before is not the newest any more; nothing else of it ever changes.
RETIRE = """
UPDATE store_pack
SET newest = FALSE
FROM unnest($1::text[], $2::integer[]) AS saved (id, version)
WHERE store_pack.id = saved.id
  AND store_pack.version < saved.version
  AND store_pack.newest
"""

SAVE = """
INSERT INTO store_pack (id, version, newest, document, saved_at)
SELECT id, version, TRUE, document, saved_at
FROM unnest($1::text[], $2::integer[], $3::text[], $4::timestamptz[])
     AS saved (id, version, document, saved_at)
"""

_PACKS = msgspec.json.Decoder(Pack)


class Packs:
    """The newest version of each pack, by id."""

    order: ClassVar[int] = STORE_ORDER
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the packs that exist."""
        return Statement(READ_NEWEST, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Pack]:
        """Return the packs by id."""
        return {row[0]: _PACKS.decode(row[1]) for row in rows}

    def saving(self, changed: Mapping[str, Pack]) -> Sequence[Statement]:
        """Add the new versions. Of several in one batch only the last was ever newest."""
        packs = list(changed.values())
        ids, versions = [one.id for one in packs], [one.version for one in packs]
        documents = [msgspec.json.encode(one).decode() for one in packs]
        saved = (ids, versions, documents, [one.saved_at for one in packs])
        return [Statement(RETIRE, (ids, versions)), Statement(SAVE, saved)]


PACKS = Packs()


async def newest_pack(driver: Driver, id_: str) -> Pack | None:
    """Return a pack as it is sold now."""
    return (await fetch_rows(driver, PACKS, [id_])).get(id_)


async def pack_version(driver: Driver, id_: str, version: int) -> Pack | None:
    """Return one version of a pack."""
    document = await driver.fetchval(READ_VERSION, id_, version)
    return None if document is None else _PACKS.decode(document)


async def pack_page(driver: Driver, after: str, limit: int) -> list[Pack]:
    """Return packs in the order of their ids, which is that of their creation."""
    return [_PACKS.decode(row["document"]) for row in await driver.fetch(READ_PAGE, after, limit)]


async def packs_of(driver: Driver, currency: str) -> list[Pack]:
    """Return the active packs of a currency, oldest first, at most a thousand."""
    return [
        _PACKS.decode(row["document"]) for row in await driver.fetch(READ_OF_CURRENCY, currency)
    ]
