CREATE TABLE identity_player (
    id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_player PRIMARY KEY (id),
    CONSTRAINT ck_identity_player_state CHECK (state IN ('active', 'erased')),
    CONSTRAINT uq_identity_player_external_id UNIQUE (external_id)
);

CREATE TABLE journal_batch (
    last_seq BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE NOT NULL,
    format SMALLINT NOT NULL,
    hash BYTEA NOT NULL,
    digests BYTEA NOT NULL,
    CONSTRAINT pk_journal_batch PRIMARY KEY (last_seq)
);

CREATE INDEX ix_journal_batch_written_at ON journal_batch (written_at);

CREATE TABLE journal_checkpoint (
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    public_key BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    CONSTRAINT pk_journal_checkpoint PRIMARY KEY (seq)
);

CREATE TABLE journal_counter (
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_journal_counter PRIMARY KEY (name)
)
 WITH (fillfactor = 70);

CREATE INDEX ix_journal_counter_expires_at ON journal_counter (expires_at);

CREATE TABLE journal_cursor (
    subscriber TEXT NOT NULL,
    seq BIGINT NOT NULL,
    batch_seq BIGINT NOT NULL,
    batch_hash BYTEA NOT NULL,
    problem TEXT,
    CONSTRAINT pk_journal_cursor PRIMARY KEY (subscriber)
);

CREATE TABLE journal_entry (
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    principal TEXT NOT NULL,
    key_hash BYTEA,
    fingerprint BYTEA,
    data TEXT NOT NULL,
    CONSTRAINT pk_journal_entry PRIMARY KEY (seq)
)
 PARTITION BY RANGE (seq);

CREATE TABLE journal_key (
    hash BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    CONSTRAINT pk_journal_key PRIMARY KEY (hash)
)
 PARTITION BY HASH (hash);

CREATE TABLE journal_lock (
    id SMALLINT NOT NULL,
    CONSTRAINT pk_journal_lock PRIMARY KEY (id),
    CONSTRAINT ck_journal_lock_one_row CHECK (id = 1)
);

CREATE TABLE journal_payload (
    seq BIGINT NOT NULL,
    person TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_journal_payload PRIMARY KEY (seq)
);

CREATE INDEX ix_journal_payload_person ON journal_payload (person);

CREATE TABLE journal_state (
    id SMALLINT NOT NULL,
    writable BOOLEAN NOT NULL,
    epoch BIGINT NOT NULL,
    CONSTRAINT pk_journal_state PRIMARY KEY (id),
    CONSTRAINT ck_journal_state_one_row CHECK (id = 1)
);

CREATE TABLE ledger_account (
    id BIGINT NOT NULL,
    owner TEXT NOT NULL,
    asset TEXT NOT NULL,
    bucket TEXT NOT NULL,
    credited BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    clawed BIGINT NOT NULL,
    held BIGINT NOT NULL,
    floor BIGINT,
    ceiling BIGINT,
    frozen TEXT,
    CONSTRAINT pk_ledger_account PRIMARY KEY (id)
)
 WITH (fillfactor = 60);

CREATE UNIQUE INDEX uq_ledger_account_address ON ledger_account (owner, asset, bucket);

CREATE TABLE ledger_asset (
    code TEXT NOT NULL,
    kind TEXT NOT NULL,
    scale SMALLINT NOT NULL,
    cap BIGINT NOT NULL,
    CONSTRAINT pk_ledger_asset PRIMARY KEY (code)
);

CREATE TABLE ledger_hold (
    seq BIGINT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    owner TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount BIGINT NOT NULL,
    captured BIGINT NOT NULL,
    released BIGINT NOT NULL,
    state TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lines TEXT NOT NULL,
    counters TEXT NOT NULL,
    CONSTRAINT pk_ledger_hold PRIMARY KEY (seq)
);

CREATE INDEX ix_ledger_hold_due ON ledger_hold (expires_at) WHERE state = 'open';

CREATE INDEX ix_ledger_hold_owner ON ledger_hold (owner);

CREATE TABLE ledger_transfer (
    seq BIGINT NOT NULL,
    leg SMALLINT NOT NULL,
    debit BIGINT NOT NULL,
    credit BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    debit_offset BIGINT,
    lot_offset BIGINT,
    credit_offset BIGINT NOT NULL,
    debit_after BIGINT NOT NULL,
    credit_after BIGINT NOT NULL,
    source_seq BIGINT,
    source_leg SMALLINT,
    source_start BIGINT,
    CONSTRAINT pk_ledger_transfer PRIMARY KEY (seq, leg)
)
 PARTITION BY RANGE (seq);

CREATE TABLE payments_callback (
    plugin TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    data TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_callback PRIMARY KEY (plugin, seq)
);

CREATE TABLE payments_intent (
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    player_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_version INTEGER NOT NULL,
    title TEXT NOT NULL,
    currency TEXT NOT NULL,
    coins BIGINT NOT NULL,
    bonus BIGINT NOT NULL,
    money TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    country TEXT,
    limits TEXT NOT NULL,
    reserved BOOLEAN NOT NULL,
    attempts INTEGER NOT NULL,
    attempt_id TEXT,
    problem TEXT,
    credited_seq BIGINT,
    credited_at TIMESTAMP WITH TIME ZONE,
    paid_leg INTEGER,
    bonus_leg INTEGER,
    taken_paid BIGINT NOT NULL,
    taken_bonus BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_intent PRIMARY KEY (id),
    CONSTRAINT uq_payments_intent_credited_seq UNIQUE (credited_seq)
);

CREATE INDEX ix_payments_intent_due ON payments_intent (expires_at) WHERE (state NOT IN ('credited', 'failed', 'canceled', 'expired', 'conflicted', 'captured'));

CREATE INDEX ix_payments_intent_player_id ON payments_intent (player_id, id);

CREATE TABLE payments_look (
    id TEXT NOT NULL,
    looks INTEGER NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_look PRIMARY KEY (id)
);

CREATE TABLE payments_provider (
    id TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    settings TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_provider PRIMARY KEY (id)
);

CREATE TABLE payments_webhook (
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    external_id TEXT NOT NULL,
    event TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    processed_at TIMESTAMP WITH TIME ZONE,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tries INTEGER NOT NULL,
    problem TEXT,
    CONSTRAINT pk_payments_webhook PRIMARY KEY (id)
);

CREATE INDEX ix_payments_webhook_due ON payments_webhook (next_at) WHERE processed_at IS NULL;

CREATE UNIQUE INDEX uq_payments_webhook_external_id ON payments_webhook (provider, external_id);

CREATE TABLE store_pack (
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    newest BOOLEAN NOT NULL,
    document TEXT NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_store_pack PRIMARY KEY (id, version)
);

CREATE TABLE wallets_currency (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    buckets TEXT NOT NULL,
    ceiling BIGINT,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_wallets_currency PRIMARY KEY (code)
);

CREATE TABLE wallets_limit (
    player TEXT NOT NULL,
    currency TEXT NOT NULL,
    per_day BIGINT,
    CONSTRAINT pk_wallets_limit PRIMARY KEY (player, currency)
);

CREATE TABLE identity_person_key (
    player_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_identity_person_key PRIMARY KEY (player_id),
    CONSTRAINT fk_identity_person_key_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE TABLE payments_attempt (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    reference TEXT,
    request TEXT NOT NULL,
    action TEXT,
    code TEXT,
    applied TEXT,
    captured_minor BIGINT NOT NULL,
    captured_money TEXT,
    refunding_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    disputed_minor BIGINT NOT NULL,
    open_disputes INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_attempt PRIMARY KEY (id),
    CONSTRAINT fk_payments_attempt_payment_id FOREIGN KEY(payment_id) REFERENCES payments_intent (id)
);

CREATE INDEX ix_payments_attempt_live ON payments_attempt (changed_at) WHERE state IN ('created', 'pending', 'unknown');

CREATE INDEX ix_payments_attempt_payment_id ON payments_attempt (payment_id);

CREATE INDEX ix_payments_attempt_unapplied ON payments_attempt (changed_at) WHERE applied = 'unapplied';

CREATE UNIQUE INDEX uq_payments_attempt_reference ON payments_attempt (provider, reference);

CREATE TABLE payments_dispute (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    state TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    money TEXT NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    reinstated BOOLEAN NOT NULL,
    reason TEXT,
    taking TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_dispute PRIMARY KEY (id),
    CONSTRAINT fk_payments_dispute_payment_id FOREIGN KEY(payment_id) REFERENCES payments_intent (id),
    CONSTRAINT fk_payments_dispute_attempt_id FOREIGN KEY(attempt_id) REFERENCES payments_attempt (id)
);

CREATE INDEX ix_payments_dispute_payment_id ON payments_dispute (payment_id);

CREATE UNIQUE INDEX uq_payments_dispute_reference ON payments_dispute (provider, reference);

CREATE TABLE payments_refund (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    state TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    money TEXT NOT NULL,
    reason TEXT,
    reference TEXT,
    request TEXT NOT NULL,
    taking TEXT NOT NULL,
    code TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments_refund PRIMARY KEY (id),
    CONSTRAINT fk_payments_refund_payment_id FOREIGN KEY(payment_id) REFERENCES payments_intent (id),
    CONSTRAINT fk_payments_refund_attempt_id FOREIGN KEY(attempt_id) REFERENCES payments_attempt (id)
);

CREATE INDEX ix_payments_refund_open ON payments_refund (changed_at) WHERE state IN ('created', 'pending', 'unknown');

CREATE INDEX ix_payments_refund_payment_id ON payments_refund (payment_id);

CREATE UNIQUE INDEX uq_payments_refund_reference ON payments_refund (provider, reference);

CREATE TABLE IF NOT EXISTS journal_entry_p0 PARTITION OF journal_entry FOR VALUES FROM (0) TO (16777216);

CREATE TABLE IF NOT EXISTS journal_key_p0 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 0);

CREATE TABLE IF NOT EXISTS journal_key_p1 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 1);

CREATE TABLE IF NOT EXISTS journal_key_p2 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 2);

CREATE TABLE IF NOT EXISTS journal_key_p3 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 3);

CREATE TABLE IF NOT EXISTS journal_key_p4 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 4);

CREATE TABLE IF NOT EXISTS journal_key_p5 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 5);

CREATE TABLE IF NOT EXISTS journal_key_p6 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 6);

CREATE TABLE IF NOT EXISTS journal_key_p7 PARTITION OF journal_key FOR VALUES WITH (MODULUS 8, REMAINDER 7);

INSERT INTO journal_lock (id) VALUES (1);

INSERT INTO journal_state (id, writable, epoch) VALUES (1, TRUE, 1);

INSERT INTO journal_batch (last_seq, first_seq, epoch, written_at, format, hash, digests)
VALUES (0, 0, 1, now(), 1, '\x0000000000000000000000000000000000000000000000000000000000000000', '');

CREATE VIEW journal_v_entry AS
SELECT seq, kind, principal, data,
       (SELECT written_at
        FROM journal_batch
        WHERE last_seq >= journal_entry.seq
        ORDER BY last_seq
        LIMIT 1) AS written_at
FROM journal_entry;

CREATE VIEW journal_v_batch AS
SELECT first_seq, last_seq, written_at
FROM journal_batch;

CREATE VIEW identity_v_player AS
SELECT id, external_id, state, created_at
FROM identity_player;

CREATE TABLE IF NOT EXISTS ledger_transfer_p0 PARTITION OF ledger_transfer FOR VALUES FROM (0) TO (16777216);

CREATE UNIQUE INDEX IF NOT EXISTS uq_ledger_transfer_p0_debit ON ledger_transfer_p0 (debit, debit_offset) WHERE debit_offset IS NOT NULL;

CREATE UNIQUE INDEX IF NOT EXISTS uq_ledger_transfer_p0_credit ON ledger_transfer_p0 (credit, credit_offset);

CREATE UNIQUE INDEX IF NOT EXISTS uq_ledger_transfer_p0_hole ON ledger_transfer_p0 (debit, lot_offset) WHERE lot_offset IS NOT NULL;

CREATE UNIQUE INDEX IF NOT EXISTS uq_ledger_transfer_p0_source ON ledger_transfer_p0 (source_seq, source_leg, source_start) WHERE source_seq IS NOT NULL;

CREATE VIEW ledger_v_transfer AS
SELECT transfer.seq, transfer.leg, transfer.amount, debit.asset,
       debit.owner AS debit_owner, debit.bucket AS debit_bucket, transfer.debit_after,
       credit.owner AS credit_owner, credit.bucket AS credit_bucket, transfer.credit_after
FROM ledger_transfer AS transfer
JOIN ledger_account AS debit ON debit.id = transfer.debit
JOIN ledger_account AS credit ON credit.id = transfer.credit;

CREATE VIEW ledger_v_hold AS
SELECT seq, placed_at, owner, asset, amount, captured, released, state, expires_at
FROM ledger_hold;

