"""Find what the journal knows of acts by their keys, before they are submitted.

A payload that was sealed for a person who was erased since has a hash that nobody can compute any
more; a replay takes it from the entry that it made (law 4). Whoever asks others before an act, asks
nobody about a replay.
"""

from collections.abc import Iterable

from guildbank.infra.database import Database
from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.contracts import Receipt


async def recall(db: Database, schema: str, act: Act) -> Receipt | None:
    """Return what was answered to an act with this key; None where it has none, or a new one.

    The command is not compared: submit an act with the same command to have that done.
    """
    if act.key_hash is None:
        return None
    asked = store.keys_reading([act.key_hash])
    async with db.begin(schema, read_only=True) as tx:
        rows = await tx.driver.fetch(asked.text, *asked.arguments)
        if not rows:
            return None
        seq = rows[0][1]
        return (await store.read_receipts(tx.driver, [seq]))[seq].receipt


async def known_keys(db: Database, schema: str, acts: Iterable[Act]) -> frozenset[bytes]:
    """Return those hashes of the acts' keys that the journal knows; none where no act has a key."""
    hashes = {act.key_hash for act in acts if act.key_hash is not None}
    if not hashes:
        return frozenset()
    asked = store.keys_reading(hashes)
    async with db.begin(schema, read_only=True) as tx:
        rows = await tx.driver.fetch(asked.text, *asked.arguments)
    return frozenset(row[0] for row in rows)
