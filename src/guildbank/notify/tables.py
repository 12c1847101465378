"""Mail that waits, was sent, failed or lies in a test tenant's mailbox; in both planes."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from guildbank.infra.database import control_metadata, tenant_metadata

NOTIFY_ORDER = 35


def _mail(metadata: MetaData) -> Table:
    return Table(
        "notify_mail",
        metadata,
        Column("id", Text, primary_key=True),
        Column("template", Text, nullable=False),
        Column("audience", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("key", Text),
        # A keyed hash of the address, which alone stands here in clear of the reader.
        Column("to_hash", LargeBinary, nullable=False),
        # Address and values while it waits, the message in the mailbox; destroyed at the end.
        Column("sealed", LargeBinary),
        Column("attempts", Integer, nullable=False),
        Column("queued_at", DateTime(timezone=True), nullable=False),
        Column("next_attempt_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Column("ended_at", DateTime(timezone=True)),
        Column("reason", Text),
        Index(
            "uq_notify_mail_template_key",
            "template",
            "key",
            unique=True,
            postgresql_where=text("key IS NOT NULL"),
        ),
        Index(
            "ix_notify_mail_waiting", "next_attempt_at", postgresql_where=text("state = 'waiting'")
        ),
        Index(
            "ix_notify_mail_mailbox", "to_hash", "id", postgresql_where=text("state = 'mailbox'")
        ),
        Index("ix_notify_mail_in_order", "id", postgresql_where=text("state = 'mailbox'")),
        Index("ix_notify_mail_sent", "ended_at", postgresql_where=text("state = 'sent'")),
        Index("ix_notify_mail_failed", "ended_at", postgresql_where=text("state = 'failed'")),
        CheckConstraint("state IN ('waiting', 'sent', 'failed', 'mailbox')", name="state"),
        CheckConstraint("audience IN ('player', 'operator')", name="audience"),
        CheckConstraint("state <> 'mailbox' OR audience = 'player'", name="mailbox"),
        CheckConstraint("(state IN ('waiting', 'mailbox')) = (sealed IS NOT NULL)", name="sealed"),
        CheckConstraint("(state IN ('sent', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
    )


mail = _mail(tenant_metadata)
deployment_mail = _mail(control_metadata)
