-- Credentials: versions, tests, rotation; OAuth: the clients of a team, requests under way, grants.
ALTER TABLE credentials ADD COLUMN provider TEXT;
ALTER TABLE credentials ADD COLUMN rotation_due_at INTEGER;
ALTER TABLE credentials ADD COLUMN tested_at INTEGER;
ALTER TABLE credentials ADD COLUMN test_result TEXT;

CREATE TABLE credential_versions (
    id          BLOB NOT NULL PRIMARY KEY,
    credential  BLOB NOT NULL,
    team        BLOB NOT NULL,
    environment TEXT NOT NULL,
    version     INTEGER NOT NULL,
    sealed      BLOB NOT NULL,
    replaced_by TEXT NOT NULL,
    replaced_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX credential_versions_by_number ON credential_versions (credential, version);

CREATE TABLE oauth_clients (
    id          BLOB NOT NULL PRIMARY KEY,
    team        BLOB NOT NULL,
    environment TEXT NOT NULL,
    provider    TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    sealed      BLOB,
    settings    TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX oauth_clients_by_provider ON oauth_clients (team, environment, provider);

CREATE TABLE oauth_requests (
    state_hash   BLOB NOT NULL PRIMARY KEY,
    team         BLOB NOT NULL,
    environment  TEXT NOT NULL,
    provider     TEXT NOT NULL,
    sealed       BLOB NOT NULL,
    binding_hash BLOB NOT NULL,
    session      TEXT NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER
) WITHOUT ROWID;

CREATE TABLE oauth_grants (
    credential         BLOB NOT NULL PRIMARY KEY,
    team               BLOB NOT NULL,
    environment        TEXT NOT NULL,
    provider           TEXT NOT NULL,
    account            TEXT,
    requested          TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    parameters         TEXT NOT NULL,
    expires_at         INTEGER,
    refresh_expires_at INTEGER,
    refreshable        BOOLEAN NOT NULL,
    status             TEXT NOT NULL,
    reason             TEXT,
    refreshes          INTEGER NOT NULL,
    refreshed_at       INTEGER NOT NULL,
    failures           INTEGER NOT NULL,
    retry_at           INTEGER,
    lease_owner        BLOB,
    lease_until        INTEGER
) WITHOUT ROWID;
CREATE INDEX oauth_grants_by_expiry ON oauth_grants (expires_at);
