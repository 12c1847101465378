"""Publish documents in versions, and keep what players agree to and take back."""

import msgspec

from guildbank.identity.contracts.consents import (
    DOCUMENT_EXISTS,
    NO_DOCUMENT,
    OUTDATED,
    TOO_MANY_CONSENTS,
    TOO_MANY_DOCUMENTS,
    Consent,
    Consents,
    Document,
)
from guildbank.identity.contracts.events import CONSENT_SAID, DOCUMENT_PUBLISHED
from guildbank.identity.contracts.players import NO_PLAYER, TENANT_SUSPENDED
from guildbank.identity.store import consents as store
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id

MAX_DOCUMENTS = 500
MAX_CONSENTS = 1_000


async def publish_document(
    identity: Identity, tenant: TenantRef, principal: str, wanted: Document
) -> Document | Refusal:
    """Return the version, which from now on players are asked about and which never changes.

    Published again in the same words, the first one is returned. Refusals: `document_exists`,
    `out_of_range`, `tenant_suspended`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    fresh = msgspec.structs.replace(
        wanted, published_by=principal, published_at=identity.clock.now()
    )
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        if await store.count(tx.driver) >= MAX_DOCUMENTS:
            return TOO_MANY_DOCUMENTS
        if await store.publish(tx.driver, fresh):
            told = {"kind": wanted.kind, "version": wanted.version}
            await recorder.record(tx, principal, DOCUMENT_PUBLISHED, told, after=fresh)
            return fresh
        known = await store.document(tx.driver, wanted.kind, wanted.version)
    if known is None:
        return DOCUMENT_EXISTS
    said = msgspec.structs.replace(
        fresh, published_by=known.published_by, published_at=known.published_at
    )
    return known if said == known else DOCUMENT_EXISTS


async def list_documents(
    identity: Identity, tenant: TenantRef, *, newest: bool = False
) -> list[Document]:
    """Return all versions, the newest first, or the `newest` of each kind."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        if newest:
            return await store.newest(tx.driver)
        return await store.documents(tx.driver, MAX_DOCUMENTS)


async def say(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    kind: str,
    version: str,
    *,
    given: bool,
) -> Consents | Refusal:
    """Keep that the player agrees to a version or takes that back; return how it stands then.

    Only the newest version is agreed to; what was agreed to is taken back whatever came after.
    Said again, nothing is added. Refusals: `unknown_document`, `document_outdated`,
    `too_many_consents`, `not_found`, `tenant_suspended`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    consent = Consent(
        kind=kind, version=version, given=given, principal=principal, at=identity.clock.now()
    )
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        if await store.document(tx.driver, kind, version) is None:
            return NO_DOCUMENT
        newest = {one.kind: one.version for one in await store.newest(tx.driver)}
        if given and newest[kind] != version:
            return OUTDATED
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        latest = {one.kind: one for one in await store.latest(tx.driver, player_id)}.get(kind)
        repeated = latest is not None and (latest.version, latest.given) == (version, given)
        # What was agreed to can always be taken back: the law wants that as easy as agreeing.
        if given and not repeated and await store.count_of(tx.driver, player_id) >= MAX_CONSENTS:
            return TOO_MANY_CONSENTS
        if not repeated:
            await store.add(tx.driver, new_id("con"), player_id, consent)
            told = {"playerId": player_id, "kind": kind, "version": version, "given": given}
            await recorder.record(tx, principal, CONSENT_SAID, told)
    return await consents_of(identity, tenant, player_id)


async def consents_of(identity: Identity, tenant: TenantRef, player_id: str) -> Consents | Refusal:
    """Return what the player said last of each kind, and what is missing; or `not_found`."""
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        said = await store.latest(tx.driver, player_id)
        newest = await store.newest(tx.driver)
    agreed = {(one.kind, one.version) for one in said if one.given}
    missing = [one for one in newest if one.required and (one.kind, one.version) not in agreed]
    return Consents(items=tuple(said), missing=tuple(missing))
