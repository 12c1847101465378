"""SQL of machine keys and of the keys that sign player tokens, on the control schema."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import any_, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from guildbank.identity.contracts.machines import Key, KnownKey
from guildbank.identity.contracts.sign_in import SigningKeyRow
from guildbank.identity.tables import machines
from guildbank.infra.database import Tx

_key = machines.key.c
_COLUMNS = tuple(column for column in _key if column.name != "hash")

# Every request that no cache answers comes here, so these are plain text on the driver and name
# their schema: one round trip is enough, without a transaction.
_KNOWN = """
SELECT id, application, tenant_id, kind, scopes, expires_at, revoked_at, allowed_addresses
FROM guildbank.identity_key
"""
KEY_BY_HASH = f"{_KNOWN}WHERE hash = $1"
# The same for who holds a token that was given for a key.
KEY_BY_ID = f"{_KNOWN}WHERE id = $1"

# A key made by a key is of whoever made that one.
MAKERS = r"""
WITH RECURSIVE maker AS (
    SELECT created_by AS id
    FROM guildbank.identity_key
    WHERE application = $1
    UNION
    SELECT key.created_by
    FROM maker
    JOIN guildbank.identity_key AS key ON key.application = maker.id
)
SELECT id
FROM maker
WHERE id LIKE 'op\_%'
ORDER BY id
"""

# One statement for all keys used of late; an older note never overwrites a newer one.
NOTE_USE = """
UPDATE identity_key
SET last_used_at = used.at
FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at)
WHERE identity_key.id = used.id
  AND (identity_key.last_used_at IS NULL OR identity_key.last_used_at < used.at)
"""

# Held while the first signing key is made, so that two processes do not make two.
LOCK_SIGNING_KEYS = "SELECT pg_advisory_xact_lock(hashtextextended('identity_signing_key', 0))"


async def insert_key(tx: Tx, key: Key, hash_: bytes) -> None:
    """Store a new key by the hash of its token."""
    await tx.sql.execute(
        insert(machines.key).values(
            id=key.id,
            application=key.application,
            tenant_id=key.tenant_id,
            kind=key.kind,
            name=key.name,
            hash=hash_,
            prefix=key.prefix,
            scopes=list(key.scopes),
            allowed_addresses=list(key.allowed_addresses),
            created_at=key.created_at,
            expires_at=key.expires_at,
            created_by=key.created_by,
        )
    )


async def find_by_hash(tx: Tx, hash_: bytes) -> KnownKey | None:
    """Return the key of this token, valid or not."""
    return _as_known(await tx.driver.fetchrow(KEY_BY_HASH, hash_))


async def find_by_id(tx: Tx, id_: str) -> KnownKey | None:
    """Return the key of this id, valid or not."""
    return _as_known(await tx.driver.fetchrow(KEY_BY_ID, id_))


def _as_known(row: Any) -> KnownKey | None:
    if row is None:
        return None
    return KnownKey(
        row["id"],
        row["application"],
        row["tenant_id"],
        row["kind"],
        frozenset(row["scopes"]),
        row["expires_at"],
        row["revoked_at"],
        tuple(row["allowed_addresses"]),
        tuple(ip_network(one) for one in row["allowed_addresses"]),
    )


async def key_by_id(tx: Tx, id_: str, tenant_id: str | None, *, any_tenant: bool) -> Key | None:
    """Return a key and lock its row; of `tenant_id` only unless `any_tenant`."""
    statement = select(*_COLUMNS).where(_key.id == id_).with_for_update(key_share=True)
    if not any_tenant:
        statement = statement.where(_key.tenant_id == tenant_id)
    row = (await tx.sql.execute(statement)).one_or_none()
    return None if row is None else _as_key(row)


async def application_scopes(
    tx: Tx, application: str, tenant_id: str | None
) -> frozenset[str] | None:
    """Return all scopes of an application's keys, ended ones too; None if it has no key here.

    Here is this tenant (None: the deployment).
    """
    statement = select(_key.scopes).where(
        _key.application == application, _key.tenant_id.is_not_distinct_from(tenant_id)
    )
    rows = (await tx.sql.execute(statement)).all()
    return frozenset(name for row in rows for name in row.scopes) if rows else None


async def application_power(
    tx: Tx, application: str, tenant_id: str | None, now: datetime
) -> frozenset[str]:
    """Return all scopes of an application's secret keys that are good now."""
    statement = select(_key.scopes).where(
        _key.application == application,
        _key.tenant_id.is_not_distinct_from(tenant_id),
        _key.kind == "secret",
        _key.revoked_at.is_(None),
        _key.expires_at.is_(None) | (_key.expires_at > now),
    )
    rows = (await tx.sql.execute(statement)).all()
    return frozenset(name for row in rows for name in row.scopes)


async def application_may(
    tx: Tx, application: str, tenant_id: str | None, scope: str, now: datetime
) -> bool:
    """Say whether a secret key of the application that is good now has the scope."""
    statement = (
        select(_key.id)
        .where(
            _key.application == application,
            _key.tenant_id.is_not_distinct_from(tenant_id),
            _key.kind == "secret",
            literal(scope) == any_(_key.scopes),
            _key.revoked_at.is_(None),
            _key.expires_at.is_(None) | (_key.expires_at > now),
        )
        .limit(1)
    )
    return (await tx.sql.execute(statement)).first() is not None


async def makers_of(tx: Tx, application: str) -> tuple[str, ...]:
    """Return the operators who made keys of the application, by keys of theirs too."""
    return tuple(row["id"] for row in await tx.driver.fetch(MAKERS, application))


async def key_page(tx: Tx, tenant_id: str | None, after: str, limit: int) -> list[Key]:
    """Return keys of a tenant (None: of the deployment) in the order of their creation."""
    statement = (
        select(*_COLUMNS)
        .where(_key.tenant_id.is_not_distinct_from(tenant_id), _key.id > after)
        .order_by(_key.id)
        .limit(limit)
    )
    return [_as_key(row) for row in await tx.sql.execute(statement)]


async def revoke(tx: Tx, id_: str, at: datetime) -> None:
    """End a key; one that is ended keeps its time."""
    await tx.sql.execute(
        update(machines.key).where(_key.id == id_, _key.revoked_at.is_(None)).values(revoked_at=at)
    )


async def replace(tx: Tx, id_: str, successor: str, expires_at: datetime) -> None:
    """Let a key end at `expires_at` in favour of its successor."""
    await tx.sql.execute(
        update(machines.key)
        .where(_key.id == id_)
        .values(replaced_by=successor, expires_at=expires_at)
    )


async def note_use(tx: Tx, used: Mapping[str, datetime]) -> None:
    """Record when keys were last used."""
    ids = sorted(used)
    await tx.driver.execute(NOTE_USE, ids, [used[id_] for id_ in ids])


async def signing_keys(tx: Tx) -> Sequence[SigningKeyRow]:
    """Return all signing keys, in the order in which they sign."""
    table = machines.signing_key.c
    rows: Iterable[Any] = await tx.sql.execute(
        select(table.id, table.public_key, table.sealed_seed, table.signs_at).order_by(
            table.signs_at, table.id
        )
    )
    return [
        SigningKeyRow(row.id, row.public_key, bytes(row.sealed_seed), row.signs_at) for row in rows
    ]


async def insert_signing_key(tx: Tx, row: SigningKeyRow) -> None:
    """Store a signing key whose seed the master key sealed."""
    await tx.sql.execute(
        insert(machines.signing_key).values(
            id=row.id,
            public_key=row.public_key,
            sealed_seed=row.sealed_seed,
            signs_at=row.signs_at,
        )
    )


async def drop_signing_keys(tx: Tx, ids: Sequence[str]) -> None:
    """Forget keys with their seeds: what they signed is believed no more."""
    table = machines.signing_key
    await tx.sql.execute(delete(table).where(table.c.id.in_(ids)))


async def lock_signing_keys(tx: Tx) -> None:
    """Wait for the right to make a signing key."""
    await tx.driver.execute(LOCK_SIGNING_KEYS)


def _as_key(row: Any) -> Key:
    return Key(
        id=row.id,
        application=row.application,
        tenant_id=row.tenant_id,
        kind=row.kind,
        name=row.name,
        prefix=row.prefix,
        scopes=tuple(row.scopes),
        allowed_addresses=tuple(row.allowed_addresses),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        replaced_by=row.replaced_by,
        created_by=row.created_by,
    )
