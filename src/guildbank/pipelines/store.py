"""SQL of pipelines: the shelves of pipelines and revisions, and plain reads."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from guildbank.journal import Driver, Rows, Statement, fetch_rows
from guildbank.pipelines.contracts import PIPELINES_ORDER, Pipeline, Revision

READ = """
SELECT purpose, newest, published, previous, canary, share, changed_at
FROM pipelines_pipeline
WHERE purpose = ANY($1::text[])
"""

READ_ALL = """
SELECT purpose, newest, published, previous, canary, share, changed_at
FROM pipelines_pipeline
ORDER BY purpose
"""

SAVE = """
INSERT INTO pipelines_pipeline (purpose, newest, published, previous, canary, share, changed_at)
SELECT *
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::integer[],
            $6::integer[], $7::timestamptz[])
ON CONFLICT (purpose) DO UPDATE
SET newest = excluded.newest, published = excluded.published, previous = excluded.previous,
    canary = excluded.canary, share = excluded.share, changed_at = excluded.changed_at
"""

READ_REVISIONS = """
SELECT document
FROM pipelines_revision
WHERE (purpose, number) IN (SELECT * FROM unnest($1::text[], $2::integer[]))
"""

ADD_REVISIONS = """
INSERT INTO pipelines_revision (purpose, number, document, saved_at)
SELECT *
FROM unnest($1::text[], $2::integer[], $3::text[], $4::timestamptz[])
"""

READ_PAGE = """
SELECT document
FROM pipelines_revision
WHERE purpose = $1
  AND number < $2
ORDER BY number DESC
LIMIT $3
"""

# Steps of what runs now; what only an older revision has does not keep a plugin here.
USES_OF_PLUGIN = """
SELECT 'revision ' || revision.number || ' of ' || revision.purpose
FROM pipelines_pipeline AS pipeline
JOIN pipelines_revision AS revision USING (purpose)
WHERE revision.number IN (pipeline.published, pipeline.canary)
  AND jsonb_path_exists(
          revision.document::jsonb,
          '$.stages.*[*] ? (@.plugin == $id)',
          jsonb_build_object('id', $1::text)
      )
"""

_REVISIONS = msgspec.json.Decoder(Revision)
_FIELDS = ("purpose", "newest", "published", "previous", "canary", "share", "changed_at")
RevisionKey = tuple[str, int]


class Pipelines:
    """Pipelines by their purpose."""

    order: ClassVar[int] = PIPELINES_ORDER
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that have any revision."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Pipeline]:
        """Return the pipelines by purpose."""
        found = (Pipeline(**dict(zip(_FIELDS, row, strict=True))) for row in rows)
        return {one.purpose: one for one in found}

    def saving(self, changed: Mapping[str, Pipeline]) -> Sequence[Statement]:
        """Insert or change them."""
        rows = [[getattr(one, name) for name in _FIELDS] for one in changed.values()]
        return [Statement(SAVE, tuple(zip(*rows, strict=True)))]


class Revisions:
    """Revisions by purpose and number; saved once."""

    order: ClassVar[int] = PIPELINES_ORDER + 1
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[RevisionKey]) -> Statement:
        """Read the revisions that exist."""
        return Statement(READ_REVISIONS, tuple(zip(*keys, strict=True)))

    def read(self, keys: Sequence[RevisionKey], rows: Rows) -> Mapping[RevisionKey, Revision]:
        """Return the revisions by purpose and number."""
        found = (_REVISIONS.decode(row[0]) for row in rows)
        return {(one.purpose, one.number): one for one in found}

    def saving(self, changed: Mapping[RevisionKey, Revision]) -> Sequence[Statement]:
        """Add them."""
        rows = [
            (one.purpose, one.number, msgspec.json.encode(one).decode(), one.saved_at)
            for one in changed.values()
        ]
        return [Statement(ADD_REVISIONS, tuple(zip(*rows, strict=True)))]


PIPELINES = Pipelines()
REVISIONS = Revisions()


async def pipelines_of(driver: Driver, purposes: Sequence[str]) -> Mapping[str, Pipeline]:
    """Return the pipelines of these purposes that have any revision."""
    return await fetch_rows(driver, PIPELINES, purposes)


async def all_pipelines(driver: Driver) -> list[Pipeline]:
    """Return every pipeline of the tenant that has any revision."""
    return [
        Pipeline(**dict(zip(_FIELDS, row, strict=True))) for row in await driver.fetch(READ_ALL)
    ]


async def revision_at(driver: Driver, purpose: str, number: int) -> Revision | None:
    """Return one revision."""
    return (await fetch_rows(driver, REVISIONS, [(purpose, number)])).get((purpose, number))


async def revision_page(driver: Driver, purpose: str, below: int, limit: int) -> list[Revision]:
    """Return revisions with a smaller number, the newest first."""
    rows = await driver.fetch(READ_PAGE, purpose, below, limit)
    return [_REVISIONS.decode(row["document"]) for row in rows]
