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
