-- Who there is: teams, people, machines, and how they prove who they are. Hashes only; no token is kept.
CREATE TABLE teams (
    id         UUID NOT NULL PRIMARY KEY,
    -- the name in addresses: lower-case letters, digits and dashes
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id                UUID NOT NULL PRIMARY KEY,
    email_norm        TEXT NOT NULL UNIQUE,
    name              TEXT NOT NULL,
    password_hash     TEXT,
    email_verified_at BIGINT,
    disabled_at       BIGINT,
    created_at        BIGINT NOT NULL
);

CREATE TABLE service_accounts (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL REFERENCES teams (id),
    name        TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT,
    UNIQUE (team, name)
);

-- member_kind: user or service_account; source: manual, setup, scim or claim
CREATE TABLE memberships (
    team        UUID NOT NULL REFERENCES teams (id),
    member_kind TEXT NOT NULL,
    member      UUID NOT NULL,
    role        TEXT NOT NULL,
    source      TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (team, member_kind, member)
);
CREATE INDEX memberships_of ON memberships (member_kind, member);

CREATE TABLE api_keys (
    id             UUID NOT NULL PRIMARY KEY,
    hash           BYTEA NOT NULL UNIQUE,
    prefix         TEXT NOT NULL,
    name           TEXT NOT NULL,
    team           UUID NOT NULL REFERENCES teams (id),
    owner_kind     TEXT NOT NULL,
    owner          UUID NOT NULL,
    permissions    TEXT,
    environments   TEXT,
    addresses      TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT,
    revoked_at     BIGINT,
    last_used_at   BIGINT,
    last_used_from TEXT
);
CREATE INDEX api_keys_of_team ON api_keys (team, id);
CREATE INDEX api_keys_of_owner ON api_keys (owner_kind, owner);

CREATE TABLE setup_tokens (
    hash       BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE TABLE sessions (
    id               UUID NOT NULL PRIMARY KEY,
    user_id          UUID NOT NULL REFERENCES users (id),
    authenticated_at BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    ended_at         BIGINT,
    client           TEXT NOT NULL,
    user_agent       TEXT
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_expire ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    hash       BYTEA NOT NULL PRIMARY KEY,
    session    UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session);

CREATE TABLE cooldowns (
    action       TEXT NOT NULL,
    subject      BYTEA NOT NULL,
    failures     BIGINT NOT NULL,
    last_failure BIGINT NOT NULL,
    until        BIGINT NOT NULL,
    PRIMARY KEY (action, subject)
);
