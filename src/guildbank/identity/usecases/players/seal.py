"""Seal a free-form payload under its person's key, so that erasing the person is losing a key."""

import hmac
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import msgspec

from guildbank.identity.contracts.players import TENANT_SUSPENDED, UNKNOWN_PLAYER
from guildbank.identity.store import persons as store
from guildbank.infra.crypto import KEY_BYTES, DataKey, SealBroken
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Sealed
from guildbank.kernel import Refusal
from guildbank.tenancy import Tenants

_HASH_PURPOSE = b"journal payload"
Seal: TypeAlias = Callable[[bytes], Sealed]


class Persons:
    """Seals and opens payloads. A person's key is made on first use, once over all processes."""

    def __init__(self, db: Database, tenants: Tenants) -> None:
        self._db = db
        self._tenants = tenants

    async def seal(self, tenant: TenantRef, player_id: str, payload: bytes) -> Sealed | Refusal:
        """Return the ciphertext for beside the chain and the salted hash for in it.

        Refusals: `unknown_player`, `tenant_suspended` (where no key is made any more). Runs a
        transaction of its own, before the act that needs it.
        """
        seal = await self.sealing(tenant, player_id)
        return seal if isinstance(seal, Refusal) else seal(payload)

    async def sealing(self, tenant: TenantRef, player_id: str) -> Seal | Refusal:
        """Return what seals payloads of the person that only a transaction can know.

        Refusals as of `seal`.
        """
        key = await self._key(tenant, player_id)
        if key is None:
            return UNKNOWN_PLAYER if tenant.state == "active" else TENANT_SUSPENDED
        return _sealing(key, player_id)

    async def seals(self, tenant: TenantRef, players: Collection[str]) -> Mapping[str, Seal]:
        """Return what seals payloads of each person, without those for whom there is no key."""
        found = dict(await self.keys_of(tenant, players))
        for player in sorted(set(players) - found.keys()):
            key = await self._key(tenant, player)
            if key is not None:
                found[player] = key
        return {player: _sealing(key, player) for player, key in found.items()}

    async def open(self, tenant: TenantRef, sealed: Sealed) -> bytes | None:
        """Return the payload, or None when the person's key was destroyed.

        Raises SealBroken when the ciphertext or the hash is not what was sealed.
        """
        key = await self.key_of(tenant, sealed.person)
        if key is None:
            return None
        return _open(key, sealed.person, sealed.ciphertext, sealed.hash)

    def opened(self, key: DataKey, person: str, ciphertext: bytes, hash_: str | None) -> Any:
        """Return what a payload of JSON holds; raises SealBroken, also for another `hash_`."""
        if hash_ is None:
            return msgspec.json.decode(key.open(payload_aad(person), ciphertext))
        return msgspec.json.decode(_open(key, person, ciphertext, hash_))

    async def reveal(self, tenant: TenantRef, player_id: str, ciphertext: bytes) -> bytes | None:
        """Return what was sealed for the person, or None when their key was destroyed.

        Raises SealBroken when the ciphertext is not what was sealed.
        """
        key = await self.key_of(tenant, player_id)
        return None if key is None else key.open(payload_aad(player_id), ciphertext)

    async def key_of(self, tenant: TenantRef, player_id: str) -> DataKey | None:
        """Return the person's key, or None when none was made or it was destroyed."""
        owner = await self._tenant_key(tenant)
        async with self._db.begin(tenant.schema, read_only=True) as tx:
            wrapped = await store.read_person_key(tx.driver, player_id)
        return None if wrapped is None else DataKey(owner.open(_key_aad(player_id), wrapped))

    async def keys_of(self, tenant: TenantRef, players: Collection[str]) -> Mapping[str, DataKey]:
        """Return the keys of those persons who have one."""
        owner = await self._tenant_key(tenant)
        async with self._db.begin(tenant.schema, read_only=True) as tx:
            wrapped = await store.read_person_keys(tx.driver, players)
        return {one: DataKey(owner.open(_key_aad(one), key)) for one, key in wrapped.items()}

    async def _key(self, tenant: TenantRef, player_id: str) -> DataKey | None:
        # The tenant's key first: asked within the transaction it could need a second connection.
        owner = await self._tenant_key(tenant)
        aad = _key_aad(player_id)
        async with self._db.begin(tenant.schema) as tx:
            wrapped = await store.read_person_key(tx.driver, player_id)
            if wrapped is None and tenant.state == "active":
                fresh = owner.seal(aad, os.urandom(KEY_BYTES))
                await store.add_person_key(tx.driver, player_id, fresh)
                wrapped = await store.read_person_key(tx.driver, player_id)
        return None if wrapped is None else DataKey(owner.open(aad, wrapped))

    async def _tenant_key(self, tenant: TenantRef) -> DataKey:
        key = await self._tenants.data_key(tenant.id)
        if key is None:
            raise LookupError(f"tenant {tenant.slug} is gone")
        return key


def _sealing(key: DataKey, person: str) -> Seal:
    def seal(payload: bytes) -> Sealed:
        return Sealed(
            person=person,
            hash=key.hash(_HASH_PURPOSE, payload).hex(),
            ciphertext=key.seal(payload_aad(person), payload),
        )

    return seal


def _open(key: DataKey, person: str, ciphertext: bytes, hash_: str) -> bytes:
    payload = key.open(payload_aad(person), ciphertext)
    if not hmac.compare_digest(key.hash(_HASH_PURPOSE, payload).hex(), hash_):
        raise SealBroken("the payload is not the one that the chain holds the hash of")
    return payload


def _key_aad(player_id: str) -> bytes:
    return b"identity_person_key:" + player_id.encode()


def payload_aad(player_id: str) -> bytes:
    """Return the place that a person's payloads are sealed for."""
    return b"journal_payload:" + player_id.encode()
