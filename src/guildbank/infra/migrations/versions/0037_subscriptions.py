"""Subscriptions that stores sell, and how each stands."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0037_subscriptions"
down_revision = "0036_handed_in"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE payments_subscription (
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    player_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    state TEXT NOT NULL,
    renews BOOLEAN NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_subscription PRIMARY KEY (id),
    CONSTRAINT uq_payments_subscription_provider_reference UNIQUE (provider, reference),
    CONSTRAINT fk_payments_subscription_payment_id
        FOREIGN KEY (payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_subscription_player_id ON payments_subscription (player_id, id);

CREATE INDEX ix_payments_subscription_changed_at ON payments_subscription (changed_at);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
