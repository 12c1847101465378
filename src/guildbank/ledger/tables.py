"""Tables of the ledger, in each tenant's schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from guildbank.infra.database import tenant_metadata

asset = Table(
    "ledger_asset",
    tenant_metadata,
    Column("code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scale", SmallInteger, nullable=False),
    Column("cap", BigInteger, nullable=False),
)

account = Table(
    # The totals change in place for accounts with a floor; room in each page keeps that cheap.
    "ledger_account",
    tenant_metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("credited", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("clawed", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("floor", BigInteger),
    Column("ceiling", BigInteger),
    Column("frozen", Text),
    # Why its owner may start nothing: the code of the refusal.
    Column("barred", Text),
    # Coins that somebody is paying for: room below the currency's ceiling is kept for them.
    Column("expected", BigInteger, nullable=False, server_default=text("0")),
    Index("uq_ledger_account_address", "owner", "asset", "bucket", unique=True),
    postgresql_with={"fillfactor": "60"},
)

transfer = Table(
    "ledger_transfer",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("leg", SmallInteger, primary_key=True, autoincrement=False),
    Column("debit", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("debit_offset", BigInteger),
    Column("lot_offset", BigInteger),
    Column("credit_offset", BigInteger, nullable=False),
    Column("debit_after", BigInteger, nullable=False),
    Column("credit_after", BigInteger, nullable=False),
    Column("source_seq", BigInteger),
    Column("source_leg", SmallInteger),
    Column("source_start", BigInteger),
    postgresql_partition_by="RANGE (seq)",
)

hold = Table(
    "ledger_hold",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("owner", Text, nullable=False, index=True),
    Column("asset", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("lines", Text, nullable=False),
    Column("counters", Text, nullable=False),
    Column("kept_for", Text),
)

Index(
    "ix_ledger_hold_due",
    hold.c.expires_at,
    postgresql_where=hold.c.state == "open",
)

proof = Table(
    # What the last rounds of the proof found: one row, and none before the first round.
    "ledger_proof",
    tenant_metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("checked_at", DateTime(timezone=True), nullable=False),
    Column("checked_seq", BigInteger, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("found", Integer, nullable=False),
    Column("problems", Text, nullable=False),
    # The last round that read everything, and how long it took.
    Column("full_at", DateTime(timezone=True), nullable=False),
    Column("full_seq", BigInteger, nullable=False),
    Column("full_millis", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

alarm = Table(
    # What is wrong now and was told; a row goes when its end was told too.
    "ledger_alarm",
    tenant_metadata,
    Column("name", Text, primary_key=True),
    Column("raised_at", DateTime(timezone=True), nullable=False),
)


def partition_statements(number: int, rows: int) -> list[str]:
    """Return the statements that make partition `number` of the transfers.

    The unique indexes make a stale read an error instead of a double payment. They are on each
    partition: a unique index on the whole table would have to hold `seq` and prove nothing.
    """
    name = f"ledger_transfer_p{number}"
    low, high = number * rows, (number + 1) * rows
    return [
        f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF ledger_transfer "
        f"FOR VALUES FROM ({low}) TO ({high})",
        f"CREATE UNIQUE INDEX IF NOT EXISTS uq_{name}_debit ON {name} (debit, debit_offset) "
        "WHERE debit_offset IS NOT NULL",
        f"CREATE UNIQUE INDEX IF NOT EXISTS uq_{name}_credit ON {name} (credit, credit_offset)",
        f"CREATE UNIQUE INDEX IF NOT EXISTS uq_{name}_hole ON {name} (debit, lot_offset) "
        "WHERE lot_offset IS NOT NULL",
        f"CREATE UNIQUE INDEX IF NOT EXISTS uq_{name}_source "
        f"ON {name} (source_seq, source_leg, source_start) WHERE source_seq IS NOT NULL",
    ]
