ALTER TABLE identity_player
    ALTER COLUMN external_id DROP NOT NULL,
    DROP CONSTRAINT ck_identity_player_state,
    ADD CONSTRAINT ck_identity_player_state
        CHECK (state IN ('active', 'suspended', 'closed', 'erased'));

CREATE TABLE identity_email (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    address TEXT NOT NULL,
    canonical TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_identity_email PRIMARY KEY (id),
    CONSTRAINT fk_identity_email_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_email_canonical_id ON identity_email (canonical, id);

CREATE UNIQUE INDEX ix_identity_email_confirmed ON identity_email (canonical) WHERE confirmed_at IS NOT NULL;

CREATE INDEX ix_identity_email_player_id ON identity_email (player_id);

CREATE TABLE identity_password (
    player_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_identity_password PRIMARY KEY (player_id),
    CONSTRAINT fk_identity_password_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE TABLE identity_profile (
    player_id TEXT NOT NULL,
    locale TEXT,
    country TEXT,
    age_confirmed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_identity_profile PRIMARY KEY (player_id),
    CONSTRAINT fk_identity_profile_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE TABLE identity_session (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    counter BIGINT NOT NULL,
    device TEXT NOT NULL,
    methods TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    authenticated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    refreshed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_identity_session PRIMARY KEY (id),
    CONSTRAINT fk_identity_session_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_session_live ON identity_session (player_id, id) WHERE ended_at IS NULL;

CREATE TABLE identity_username (
    skeleton TEXT NOT NULL,
    name TEXT NOT NULL,
    player_id TEXT NOT NULL,
    CONSTRAINT pk_identity_username PRIMARY KEY (skeleton),
    CONSTRAINT uq_identity_username_player_id UNIQUE (player_id),
    CONSTRAINT fk_identity_username_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

