"""Routes that show who changed what, when, from where and why, and hand it out as a file."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.read_audit import (
    Record,
    export_audit,
    read_audit,
)
from guildbank.infra.http import (
    After,
    Caller,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    scope,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Sought
from guildbank.kernel import seq_id

Parts = Service[Identity]
READ = "audit:read"
TAGS: Sequence[str] = ["Audit"]
Format = Literal["csv", "ndjson"]
MEDIA: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}

ByWhom = Annotated[
    str | None,
    QueryParameter(max_length=90, description="Who did it: `op_...`, `app_...`, or `host`."),
]
Kind = Annotated[
    str | None,
    QueryParameter(
        max_length=100,
        description="What was done, such as `identity.role_changed`; `identity.role_*` stands for "
        "all kinds that begin so.",
    ),
]
Subject = Annotated[
    str | None,
    QueryParameter(max_length=90, description="What it was done to: an id that the facts name."),
]
Address = Annotated[
    str | None, QueryParameter(max_length=45, description="The address it was done from.")
]
Since = Annotated[datetime | None, QueryParameter(description="From this time on.")]
Until = Annotated[datetime | None, QueryParameter(description="Before this time.")]
Words = Annotated[
    str | None,
    QueryParameter(
        min_length=2,
        max_length=100,
        description="Words in facts, reason, before or after, whatever the case. A page may then "
        "be short and still have a next one.",
    ),
]


class AuditView(View):
    """A change. `facts` stand in the hash chain; the rest lies beside it and is held against it.

    `address` is null where it is not known. `erased` says that before, after or reason were erased
    for a person's sake, and `intact` is false where they are not what was recorded.
    """

    __example__: ClassVar = {
        "id": "txn_01m7yqwf9ke00800000000003v",
        "principal": "op_01kag3pyqmf9aag12vtrsy70ps",
        "kind": "identity.role_changed",
        "facts": {"role": "shift-lead"},
        "address": "203.0.113.7",
        "credential": "ops_01kag3pyqmf9aag12vtrsy70ps",
        "requestId": "3f1c9a0be4d25f7788aa01bc",
        "reason": "Ticket 4711",
        "before": {"permissions": ["players:read"]},
        "after": {"permissions": ["players:read", "wallets:grant"]},
        "payload": None,
    }

    id: str
    seq: int
    at: datetime
    principal: str
    kind: str
    facts: msgspec.Raw
    address: str | None
    credential: str | None
    request_id: str | None
    reason: str | None
    before: msgspec.Raw
    after: msgspec.Raw
    payload: msgspec.Raw
    erased: bool
    intact: bool


@get("/v1/audit", guards=[scope(READ)], tags=TAGS, summary="Search the audit")
async def search(
    identity: Parts,
    caller: Who,
    principal: ByWhom = None,
    kind: Kind = None,
    subject: Subject = None,
    address: Address = None,
    since: Since = None,
    until: Until = None,
    words: Words = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[AuditView]:
    """List what operators and machines changed, newest first; who keeps tenants sees their own.

    A posting by a machine is its own record: find it by `GET /v1/events` or in the statement.
    """
    position = decode_cursor(after, [int])
    found = await read_audit(
        identity,
        _place(caller),
        _sought(principal, kind, subject, address, since, until),
        words=words,
        before=int(position[0]) if position else None,
        limit=limit,
    )
    more = None if found.more is None else encode_cursor([found.more])
    return Page([_view(record) for record in found.records], more)


@get(
    "/v1/audit/file",
    guards=[scope(READ, fresh=True)],
    tags=TAGS,
    media_type="text/csv",
    summary="Take the audit as a file",
)
async def take(
    identity: Parts,
    caller: Who,
    format: Annotated[Format, QueryParameter(name="format")] = "csv",  # noqa: A002 - its name
    principal: ByWhom = None,
    kind: Kind = None,
    subject: Subject = None,
    address: Address = None,
    since: Since = None,
    until: Until = None,
) -> Stream:
    """Send up to 100,000 records, newest first, as CSV or as lines of JSON.

    That it was taken, and by whom, is recorded too.
    """
    sought = _sought(principal, kind, subject, address, since, until)
    blocks = await export_audit(identity, _place(caller), caller.principal, sought)
    lines = _csv(blocks) if format == "csv" else _ndjson(blocks)
    named = {"content-disposition": f'attachment; filename="audit.{format}"'}
    return Stream(lines, media_type=MEDIA[format], headers=named)


def _place(caller: Caller) -> TenantRef | None:
    return None if caller.of_deployment else caller.home


def _sought(
    principal: str | None,
    kind: str | None,
    subject: str | None,
    address: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Sought:
    return Sought(
        principal=principal, kind=kind, subject=subject, address=address, since=since, until=until
    )


async def _ndjson(blocks: AsyncIterator[Sequence[Record]]) -> AsyncIterator[bytes]:
    async for records in blocks:
        yield b"".join(msgspec.json.encode(_view(record)) + b"\n" for record in records)


async def _csv(blocks: AsyncIterator[Sequence[Record]]) -> AsyncIterator[bytes]:
    names = AuditView.__struct_encode_fields__
    yield ",".join(names).encode() + b"\r\n"
    async for records in blocks:
        text = io.StringIO()
        writer = csv.writer(text)
        for record in records:
            view = _view(record)
            writer.writerow(_cell(getattr(view, name)) for name in view.__struct_fields__)
        yield text.getvalue().encode()


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    if isinstance(value, msgspec.Raw):
        value = bytes(value).decode()
    if isinstance(value, datetime):
        value = value.isoformat()
    text = "" if value in (None, "null") else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _view(record: Record) -> AuditView:
    return AuditView(
        id=seq_id("txn", record.seq, record.at),
        seq=record.seq,
        at=record.at,
        principal=record.principal,
        kind=record.kind,
        facts=_raw(record.facts),
        address=record.address,
        credential=record.credential,
        request_id=record.request_id,
        reason=record.reason,
        before=_raw(record.before),
        after=_raw(record.after),
        payload=_raw(record.payload),
        erased=record.erased,
        intact=record.intact,
    )


ROUTES = (search, take)
