"""Make a copy of all that is known of a person: a ZIP of JSON files, one for each table.

A job makes it, since a life of play can be long. It is kept in parts under the person's key, which
erasure destroys.
"""

import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import IO, Any

import msgspec
import structlog

from guildbank.identity.contracts.events import EXPORT_REQUESTED
from guildbank.identity.contracts.exports import NO_EXPORT, NOT_READY, Export
from guildbank.identity.contracts.players import NO_PLAYER, TENANT_SUSPENDED
from guildbank.identity.store import erasures
from guildbank.identity.store import exports as store
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.identity.usecases.players.seal import payload_aad
from guildbank.infra.busy_tenants import busy_tenants
from guildbank.infra.crypto import DataKey
from guildbank.infra.database import Tx
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.notify import address_hashes

log = structlog.get_logger(__name__)

KEPT = timedelta(days=7)
MAX_EXPORTS = 5
"""Of one player, and as many that the tenant's people asked for."""
PART_BYTES = 1_048_576
MAX_BYTES = 268_435_456
"""So much may be known of one person before packing; past it somebody has to look."""
IN_MEMORY_BYTES = 8_388_608
AT_ONCE = 20
_Open = Callable[[bytes], Any]


class TooLarge(Exception):
    """More is known of the person than a file may hold."""


async def request_export(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str
) -> Export | Refusal:
    """Return a new export, or the one of the same asker's kind that is being made.

    Who asks for their own gets what a person may be told, the tenant's people get all. The oldest
    make room for what is more than MAX_EXPORTS. Refusals: `not_found`, `tenant_suspended`.
    """
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    if tenant.state != "active":
        return TENANT_SUSPENDED
    # The person's key is made here, where there is none, since the job only reads.
    sealed = await identity.persons.seal(tenant, player_id, b"{}")
    if isinstance(sealed, Refusal):
        return NO_PLAYER
    now = identity.clock.now()
    export = Export(
        id=new_id("exp"), player_id=player_id, state="waiting", principal=principal,
        requested_at=now, expires_at=now + KEPT,
    )  # fmt: skip
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        found = await store.waiting_of(tx.driver, player_id, own=principal == player_id)
        if found is not None:
            return found
        await store.keep_newest(tx.driver, player_id, MAX_EXPORTS - 1)
        if not await store.add(tx.driver, export):
            return NO_PLAYER
        told = {"playerId": player_id, "exportId": export.id}
        await recorder.record(tx, principal, EXPORT_REQUESTED, told)
    return export


async def read_export(
    identity: Identity, tenant: TenantRef, player_id: str, export_id: str, *, own: bool = False
) -> Export | Refusal:
    """Return an export of the player, with `own` one that they asked for; or `not_found`."""
    if parse_id("exp", export_id) is None or parse_id("player", player_id) is None:
        return NO_EXPORT
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.one(tx.driver, export_id, player_id)
    if found is None or found.expires_at <= identity.clock.now():
        return NO_EXPORT
    return NO_EXPORT if own and found.principal != player_id else found


async def read_file(
    identity: Identity, tenant: TenantRef, player_id: str, export_id: str, *, own: bool = False
) -> AsyncIterator[bytes] | Refusal:
    """Return the file in parts, with `own` only one that the player asked for.

    Refusals: `not_found`, `export_not_ready`.
    """
    export = await read_export(identity, tenant, player_id, export_id, own=own)
    if isinstance(export, Refusal):
        return export
    key = await identity.persons.key_of(tenant, player_id)
    return (
        NOT_READY
        if export.state != "ready" or key is None
        else _parts(identity, tenant, export, key)
    )


async def make_exports(identity: Identity) -> None:
    """Make the files that are asked for and forget those whose time is over, tenant by tenant."""

    async def of_one(tenant: TenantRef) -> None:
        await _make_all(identity, tenant)

    tenants = await busy_tenants(identity.db, await identity.tenants.all(), store.ANY)
    await each_tenant(tenants, of_one, "exports_not_made")


async def _make_all(identity: Identity, tenant: TenantRef) -> None:
    async with identity.db.begin(tenant.schema) as tx:
        await store.forget(tx.driver, identity.clock.now())
        waiting = await store.waiting(tx.driver, AT_ONCE)
    for export in waiting:
        try:
            await _make(identity, tenant, export)
        except Exception as error:
            known = "too_large" if isinstance(error, TooLarge) else "failed"
            log.exception("export_failed", export=export.id, error=repr(error))
            async with identity.db.begin(tenant.schema) as tx:
                await store.failed(tx.driver, export.id, known)


async def _make(identity: Identity, tenant: TenantRef, export: Export) -> None:
    player_id = export.player_id
    key = await identity.persons.key_of(tenant, player_id)
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        known = await erasures.addresses(tx.driver, player_id)
    hashes = await address_hashes(identity.notify, tenant, known)
    if key is None:
        raise LookupError("the person was erased meanwhile")

    def opened(sealed: bytes) -> Any:
        return msgspec.json.decode(key.open(payload_aad(player_id), sealed))

    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        async with identity.db.begin(tenant.schema, read_only=True) as tx:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                left = MAX_BYTES
                for one in identity.personal:
                    statement = one.known
                    if export.principal != player_id:
                        statement = one.known_to_staff or one.known
                    if statement is None:
                        continue
                    asked = hashes if one.by == "address" else player_id
                    known_as = (one.table, statement, asked)
                    left -= await _write(tx, packed, known_as, opened, left)
        size = file.tell()
        file.seek(0)
        async with identity.db.begin(tenant.schema) as tx:
            if not await store.ready(tx.driver, export.id, identity.clock.now(), size):
                return
            for number, part in enumerate(iter(lambda: file.read(PART_BYTES), b"")):
                sealed = key.seal(_aad(export, number), part)
                await store.add_part(tx.driver, export.id, number, sealed)


async def _write(
    tx: Tx, packed: zipfile.ZipFile, what: tuple[str, str, object], opened: _Open, left: int
) -> int:
    """Write a table's rows as a JSON list; return how many bytes they take, which `left` bounds."""
    table, statement, key = what
    begun, written = False, 0
    with packed.open(f"{table}.json", "w") as to:
        async for block in store.rows_of(tx.driver, statement, key):
            for record in block:
                line = msgspec.json.encode(_shown(record, opened))
                written += _put(to, (b",\n" if begun else b"[\n") + line)
                begun = True
            if written > left:
                raise TooLarge
        _put(to, b"\n]\n" if begun else b"[]\n")
    return written


def _put(to: IO[bytes], text: bytes) -> int:
    return to.write(text)


def _shown(record: Mapping[str, Any], opened: _Open) -> dict[str, Any]:
    return {
        name: opened(value) if isinstance(value, bytes) else value for name, value in record.items()
    }


async def _parts(
    identity: Identity, tenant: TenantRef, export: Export, key: DataKey
) -> AsyncIterator[bytes]:
    number = 0
    while True:
        async with identity.db.begin(tenant.schema, read_only=True) as tx:
            sealed = await store.part(tx.driver, export.id, number)
        if sealed is None:
            return
        yield key.open(_aad(export, number), sealed)
        number += 1


def _aad(export: Export, number: int) -> bytes:
    return f"identity_export_part:{export.id}:{number}".encode()
