"""Routes that show the journal: signed checkpoints, and the events that others follow."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from litestar import get
from litestar.params import QueryParameter

from guildbank.infra.database import Database
from guildbank.infra.http import (
    After,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    scope,
)
from guildbank.journal import reading
from guildbank.journal.contracts import Checkpoint, Entry
from guildbank.kernel import seq_id

TAGS: Sequence[str] = ["Journal"]
_NEWEST = 2**63 - 1


class CheckpointView(View):
    """A signed checkpoint: `hash` in hex, key and signature (Ed25519) in base64.

    The signature is over five lines joined by line feeds: `guildbank checkpoint 1`, the tenant's
    slug, the seq, the hash, and the time as microseconds since 1970.
    """

    __example__: ClassVar = {
        "hash": "9f2c5b0e71d84a36c0b7e52f1a9d3486e0c45b7a1f6d2983b4c07e5da1936f28",
        "publicKey": "mJ4uVQ0hT1n2kq7rXo5cY8sZb3wLp6dEaRfGiKtNvBg=",
        "signature": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ" * 2 + "q83vEjRWeJCrze8SNFZ4kA==",
    }

    seq: int
    hash: str
    signed_at: datetime
    public_key: str
    signature: bytes


class EventView(View):
    """An entry of the journal. `data` are its facts, by kind."""

    __example__: ClassVar = {
        "id": "txn_01m7yqwf9ke00800000000003v",
        "kind": "wallets.spent",
        "principal": "app_01kag3pyqmf9aag12vtrsy70ps",
        "data": {"player": "player_01kag3pyqmf9aag12vtrsy70ps", "currency": "GEM", "amount": 30},
    }

    id: str
    seq: int
    at: datetime
    kind: str
    principal: str
    data: msgspec.Raw


Start = Annotated[
    Literal["first", "now"],
    QueryParameter(name="start", description="Where to begin without a cursor."),
]


class EventPage(View):
    """Events in order. `next` is never null: keep it, and ask again after it for what comes."""

    items: Sequence[EventView]
    next: str


@get("/v1/journal/checkpoints", tags=TAGS, guards=[scope("journal:read")])
async def list_checkpoints(
    caller: Who, db: Service[Database], limit: Limit = 50, after: After = None
) -> Page[CheckpointView]:
    """List signed checkpoints, newest first.

    Keep them outside: a journal that does not hold a signed hash any more was rewritten.
    """
    place = decode_cursor(after, [int])
    before = _NEWEST if place is None else int(place[0])
    async with db.begin(caller.home.schema, read_only=True) as tx:
        found = await reading.checkpoints_before(tx.driver, before, limit + 1)
    more = encode_cursor([found[limit - 1].seq]) if len(found) > limit else None
    return Page([_checkpoint(one) for one in found[:limit]], more)


@get("/v1/events", tags=TAGS, guards=[scope("events:read")])
async def list_events(
    caller: Who,
    db: Service[Database],
    limit: Limit = 50,
    after: After = None,
    start: Start = "first",
) -> EventPage:
    """List events in the order in which they happened, from the first on or after a cursor.

    Each event is here once and for ever, so that a reader who keeps `next` misses none. With
    `start=now` there are none yet, and `next` leads to whatever happens from now on.
    """
    place = decode_cursor(after, [int])
    seq = 0 if place is None else int(place[0])
    async with db.begin(caller.home.schema, read_only=True) as tx:
        if place is None and start == "now":
            tip = await reading.read_tip(tx.driver)
            return EventPage(items=[], next=encode_cursor([tip.last]))
        found = await reading.read_entries(tx.driver, seq, limit)
    end = found[-1].seq if found else seq
    return EventPage(items=[_event(entry) for entry in found], next=encode_cursor([end]))


def _checkpoint(one: Checkpoint) -> CheckpointView:
    return CheckpointView(
        seq=one.seq,
        hash=one.hash.hex(),
        signed_at=one.signed_at,
        public_key=one.public_key,
        signature=one.signature,
    )


def _event(entry: Entry) -> EventView:
    return EventView(
        id=seq_id("txn", entry.seq, entry.at),
        seq=entry.seq,
        at=entry.at,
        kind=entry.kind,
        principal=entry.principal,
        data=msgspec.Raw(entry.data),
    )


ROUTES = (list_checkpoints, list_events)
