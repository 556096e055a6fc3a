-- Credentials: versions, tests, rotation; OAuth: the clients of a team, requests under way, grants.
ALTER TABLE credentials ADD COLUMN provider TEXT;
ALTER TABLE credentials ADD COLUMN rotation_due_at BIGINT;
ALTER TABLE credentials ADD COLUMN tested_at BIGINT;
ALTER TABLE credentials ADD COLUMN test_result TEXT;

CREATE TABLE credential_versions (
    id          UUID NOT NULL PRIMARY KEY,
    credential  UUID NOT NULL,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    version     BIGINT NOT NULL,
    sealed      BYTEA NOT NULL,
    replaced_by TEXT NOT NULL,
    replaced_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX credential_versions_by_number ON credential_versions (credential, version);

CREATE TABLE oauth_clients (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    provider    TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    sealed      BYTEA,
    settings    TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX oauth_clients_by_provider ON oauth_clients (team, environment, provider);

CREATE TABLE oauth_requests (
    state_hash   BYTEA NOT NULL PRIMARY KEY,
    team         UUID NOT NULL,
    environment  TEXT NOT NULL,
    provider     TEXT NOT NULL,
    sealed       BYTEA NOT NULL,
    binding_hash BYTEA NOT NULL,
    session      TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);

CREATE TABLE oauth_grants (
    credential         UUID NOT NULL PRIMARY KEY,
    team               UUID NOT NULL,
    environment        TEXT NOT NULL,
    provider           TEXT NOT NULL,
    account            TEXT,
    requested          TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    parameters         TEXT NOT NULL,
    expires_at         BIGINT,
    refresh_expires_at BIGINT,
    refreshable        BOOLEAN NOT NULL,
    status             TEXT NOT NULL,
    reason             TEXT,
    refreshes          BIGINT NOT NULL,
    refreshed_at       BIGINT NOT NULL,
    failures           BIGINT NOT NULL,
    retry_at           BIGINT,
    lease_owner        UUID,
    lease_until        BIGINT
);
CREATE INDEX oauth_grants_by_expiry ON oauth_grants (expires_at);
