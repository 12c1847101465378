"""Tables of the journal: in each tenant's schema, and in the control one for the deployment's."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from guildbank.infra.database import control_metadata, tenant_metadata

PARTITION_ROWS = 2**24
"""Entries per partition; the next one is made before it is needed."""

KEY_PARTITIONS = 8

lock = Table(
    # One row, locked by each batch and never updated: an updated row would bloat.
    "journal_lock",
    tenant_metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    CheckConstraint("id = 1", name="one_row"),
)

state = Table(
    # Whether the tenant takes writes, and in which epoch of its life the journal is.
    "journal_state",
    tenant_metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("writable", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

batch = Table(
    "journal_batch",
    tenant_metadata,
    Column("last_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False, index=True),
    Column("format", SmallInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("digests", LargeBinary, nullable=False),
)

entry = Table(
    "journal_entry",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("key_hash", LargeBinary),
    Column("fingerprint", LargeBinary),
    Column("data", Text, nullable=False),
    postgresql_partition_by="RANGE (seq)",
)

key = Table(
    "journal_key",
    tenant_metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    postgresql_partition_by="HASH (hash)",
)

payload = Table(
    # Free-form payloads under a person's key; erasure destroys the key, the row stays unreadable.
    "journal_payload",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("person", Text, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

audit = Table(
    # Who did it from where and why. `seq` and `hash` are in the chain; `sealed` may be erased.
    "journal_audit",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("principal", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subjects", ARRAY(Text), nullable=False),
    Column("address", Text),
    Column("sealed", LargeBinary),
    Index("ix_journal_audit_principal_seq", "principal", "seq"),
    Index("ix_journal_audit_kind_seq", "kind", "seq"),
    Index("ix_journal_audit_address_seq", "address", "seq"),
    Index("ix_journal_audit_subjects", "subjects", postgresql_using="gin"),
)

cursor = Table(
    "journal_cursor",
    tenant_metadata,
    Column("subscriber", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("batch_seq", BigInteger, nullable=False),
    Column("batch_hash", LargeBinary, nullable=False),
    Column("problem", Text),
)

checkpoint = Table(
    "journal_checkpoint",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signed_at", DateTime(timezone=True), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

counter = Table(
    # Numbers that acts add up under the lock: spend of a player and day, packs bought.
    "journal_counter",
    tenant_metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), index=True),
    postgresql_with={"fillfactor": "70"},
)

for _table in (lock, state, batch, entry, key, payload, audit, cursor, checkpoint, counter):
    # What people do who run the deployment is recorded as what is done in a tenant.
    _table.to_metadata(control_metadata)
