"""Read who changed what, from where and why: opened, searched for words, and page by page."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from guildbank.identity.contracts.events import AUDIT_EXPORTED
from guildbank.identity.usecases import Identity
from guildbank.infra.crypto import DataKey, SealBroken
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Details, Found, Recorder, Sought, open_details, search_audit

log = structlog.get_logger(__name__)

MAX_SCANNED = 5_000
"""Records that one page opens to look for words; past them it ends short."""
MAX_EXPORTED = 100_000
_BLOCK = 500
_SHOWN = frozenset({"reason", "before", "after"})


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A change: who did what, when, from where, and what it was before and after.

    `facts` are the entry's own, `payload` what else a person's key seals of it. `intact` is False
    where what lies beside the chain is not what the chain holds the hash of, and `erased` says that
    it was erased for a person's sake.
    """

    seq: int
    at: datetime
    principal: str
    kind: str
    facts: Any
    address: str | None = None
    credential: str | None = None
    request_id: str | None = None
    reason: str | None = None
    before: Any = None
    after: Any = None
    payload: Any = None
    erased: bool = False
    intact: bool = True


class AuditPage(msgspec.Struct, frozen=True):
    """Records, newest first, and the seq before which the next page begins (None: no more)."""

    records: Sequence[Record]
    more: int | None


async def read_audit(
    identity: Identity,
    tenant: TenantRef | None,
    sought: Sought,
    *,
    words: str | None = None,
    before: int | None = None,
    limit: int,
) -> AuditPage:
    """Return a page of what was recorded in the tenant, or on the deployment.

    With `words` only records that have them, whatever the case, in facts, reason, before or after.
    A page may then be short, or empty, and still have one after it.
    """
    recorder = await identity.recorder(tenant)
    wanted = None if words is None else words.casefold()
    records: list[Record] = []
    scanned, block = 0, _BLOCK if wanted else limit + 1
    while scanned < MAX_SCANNED:
        async with identity.db.begin(recorder.schema, read_only=True) as tx:
            found = await search_audit(tx, sought, before=before, limit=block)
        scanned += len(found)
        for place, record in enumerate(await _opened(identity, tenant, recorder, found)):
            if wanted is not None and wanted not in _text(record):
                continue
            if len(records) == limit:
                return AuditPage(records, found[place - 1].entry.seq if place else before)
            records.append(record)
        if len(found) < block:
            return AuditPage(records, None)
        before = found[-1].entry.seq
    return AuditPage(records, before)


async def export_audit(
    identity: Identity, tenant: TenantRef | None, principal: str, sought: Sought
) -> AsyncIterator[Sequence[Record]]:
    """Return blocks of records, newest first, at most MAX_EXPORTED, and record that."""
    recorder = await identity.recorder(tenant)
    asked = {key: value for key, value in msgspec.to_builtins(sought).items() if value is not None}
    async with identity.db.begin(recorder.schema) as tx:
        receipt = await recorder.record(tx, principal, AUDIT_EXPORTED, {}, after=asked)
    return _blocks(identity, tenant, sought, receipt.seq)


async def _blocks(
    identity: Identity, tenant: TenantRef | None, sought: Sought, before: int | None
) -> AsyncIterator[Sequence[Record]]:
    sent = 0
    while sent < MAX_EXPORTED:
        page = await read_audit(identity, tenant, sought, before=before, limit=_BLOCK)
        yield page.records
        sent += len(page.records)
        before = page.more
        if before is None:
            return


async def _opened(
    identity: Identity, tenant: TenantRef | None, recorder: Recorder, found: Sequence[Found]
) -> list[Record]:
    """Return the records with what lies sealed beside them."""
    keys: dict[str, DataKey | None] = {}
    records = []
    for one in found:
        person = one.person
        if person is not None and person not in keys and tenant is not None:
            keys[person] = await identity.persons.key_of(tenant, person)
        details, intact = Details(salt=""), True
        told: dict[str, Any] = {}
        facts = msgspec.json.decode(one.entry.data)
        try:
            if one.sealed is not None:
                details = open_details(recorder.sealer, one.hash, one.sealed)
            key = None if person is None else keys.get(person)
            if one.payload is not None and key is not None and person is not None:
                told = identity.persons.opened(key, person, one.payload, facts.get("payload"))
        except SealBroken as broken:
            log.error("audit_record_damaged", seq=one.entry.seq, error=repr(broken))
            intact = False
        erased = one.sealed is None or (one.payload is not None and not told and intact)
        records.append(_record(one, facts, details, told, erased=erased, intact=intact))
    return records


def _record(
    one: Found, facts: Any, details: Details, told: dict[str, Any], *, erased: bool, intact: bool
) -> Record:
    entry = one.entry
    return Record(
        seq=entry.seq,
        at=entry.at,
        principal=entry.principal,
        kind=entry.kind,
        facts=facts,
        address=one.address,
        credential=details.credential,
        request_id=details.request_id,
        reason=told.get("reason") or details.reason,
        before=told.get("before", details.before),
        after=told.get("after", details.after),
        payload={name: said for name, said in told.items() if name not in _SHOWN} or None,
        erased=erased,
        intact=intact,
    )


def _text(record: Record) -> str:
    """Return what words are looked for in."""
    parts = (record.facts, record.before, record.after, record.payload)
    told = "\n".join(msgspec.json.encode(part).decode() for part in parts if part is not None)
    return f"{told}\n{record.reason or ''}".casefold()
