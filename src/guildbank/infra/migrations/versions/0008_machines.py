"""Signing keys that begin at a time, the studio's hooks, and what keeps robots out."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0008_machines"
down_revision = "0007_second_factors"
branch_labels = None
depends_on = None

# Old code signs with the newest key as soon as it is listed, which every new verifier believes.
CONTROL = """
ALTER TABLE identity_signing_key
ADD COLUMN signs_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;

UPDATE identity_signing_key
SET signs_at = created_at;
"""

TENANT = """
CREATE TABLE identity_hook (
    point TEXT NOT NULL,
    url TEXT NOT NULL,
    sealed_secret BYTEA NOT NULL,
    timeout_ms INTEGER NOT NULL,
    enabled BOOLEAN NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_hook PRIMARY KEY (point),
    CONSTRAINT ck_identity_hook_point
        CHECK (point IN ('before_register', 'before_login', 'before_token'))
);

CREATE TABLE identity_protection (
    id TEXT NOT NULL,
    disposable_addresses TEXT NOT NULL,
    captcha_provider TEXT,
    captcha_site_key TEXT,
    captcha_settings BYTEA,
    captcha_actions TEXT[] NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_protection PRIMARY KEY (id),
    CONSTRAINT ck_identity_protection_id CHECK (id = 'tenant'),
    CONSTRAINT ck_identity_protection_disposable_addresses
        CHECK (disposable_addresses IN ('refuse', 'allow'))
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, CONTROL if plane == "control" else TENANT)
