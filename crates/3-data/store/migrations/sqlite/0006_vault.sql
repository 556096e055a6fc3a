-- Keys wrapped by the root key, and customers' credentials sealed under them.
CREATE TABLE data_keys (
    id      INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    active  BOOLEAN NOT NULL,
    at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX one_active_data_key ON data_keys (purpose) WHERE active;

CREATE TABLE credentials (
    id           BLOB NOT NULL PRIMARY KEY,
    team         BLOB NOT NULL,
    environment  TEXT NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    hosts        TEXT NOT NULL,
    status       TEXT NOT NULL,
    version      INTEGER NOT NULL,
    sealed       BLOB NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    last_used_at INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX credentials_by_name ON credentials (team, environment, name);
