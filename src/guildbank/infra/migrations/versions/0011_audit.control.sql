CREATE TABLE journal_audit (
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    principal TEXT NOT NULL,
    kind TEXT NOT NULL,
    subjects TEXT[] NOT NULL,
    address TEXT,
    sealed BYTEA,
    CONSTRAINT pk_journal_audit PRIMARY KEY (seq)
);

CREATE INDEX ix_journal_audit_address_seq ON journal_audit (address, seq);

CREATE INDEX ix_journal_audit_kind_seq ON journal_audit (kind, seq);

CREATE INDEX ix_journal_audit_principal_seq ON journal_audit (principal, seq);

CREATE INDEX ix_journal_audit_subjects ON journal_audit USING gin (subjects);

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
