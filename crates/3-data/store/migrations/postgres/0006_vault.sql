-- Keys wrapped by the root key, and customers' credentials sealed under them.
CREATE TABLE data_keys (
    id      BIGINT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    active  BOOLEAN NOT NULL,
    at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX one_active_data_key ON data_keys (purpose) WHERE active;

CREATE TABLE credentials (
    id           UUID NOT NULL PRIMARY KEY,
    team         UUID NOT NULL,
    environment  TEXT NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    hosts        TEXT NOT NULL,
    status       TEXT NOT NULL,
    version      BIGINT NOT NULL,
    sealed       BYTEA NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX credentials_by_name ON credentials (team, environment, name);
