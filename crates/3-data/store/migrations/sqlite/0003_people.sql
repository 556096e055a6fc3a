-- Who there is: teams, people, machines, and how they prove who they are. Hashes only; no token is kept.
CREATE TABLE teams (
    id         BLOB NOT NULL PRIMARY KEY,
    -- the name in addresses: lower-case letters, digits and dashes
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE users (
    id                BLOB NOT NULL PRIMARY KEY,
    email_norm        TEXT NOT NULL UNIQUE,
    name              TEXT NOT NULL,
    password_hash     TEXT,
    email_verified_at INTEGER,
    disabled_at       INTEGER,
    created_at        INTEGER NOT NULL
);

CREATE TABLE service_accounts (
    id          BLOB NOT NULL PRIMARY KEY,
    team        BLOB NOT NULL REFERENCES teams (id),
    name        TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER,
    UNIQUE (team, name)
);

-- member_kind: user or service_account; source: manual, setup, scim or claim
CREATE TABLE memberships (
    team        BLOB NOT NULL REFERENCES teams (id),
    member_kind TEXT NOT NULL,
    member      BLOB NOT NULL,
    role        TEXT NOT NULL,
    source      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (team, member_kind, member)
);
CREATE INDEX memberships_of ON memberships (member_kind, member);

CREATE TABLE api_keys (
    id             BLOB NOT NULL PRIMARY KEY,
    hash           BLOB NOT NULL UNIQUE,
    prefix         TEXT NOT NULL,
    name           TEXT NOT NULL,
    team           BLOB NOT NULL REFERENCES teams (id),
    owner_kind     TEXT NOT NULL,
    owner          BLOB NOT NULL,
    permissions    TEXT,
    environments   TEXT,
    addresses      TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    revoked_at     INTEGER,
    last_used_at   INTEGER,
    last_used_from TEXT
);
CREATE INDEX api_keys_of_team ON api_keys (team, id);
CREATE INDEX api_keys_of_owner ON api_keys (owner_kind, owner);

CREATE TABLE setup_tokens (
    hash       BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
);

CREATE TABLE sessions (
    id               BLOB NOT NULL PRIMARY KEY,
    user_id          BLOB NOT NULL REFERENCES users (id),
    authenticated_at INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    client           TEXT NOT NULL,
    user_agent       TEXT
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_expire ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    hash       BLOB NOT NULL PRIMARY KEY,
    session    BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session);

CREATE TABLE cooldowns (
    action       TEXT NOT NULL,
    subject      BLOB NOT NULL,
    failures     INTEGER NOT NULL,
    last_failure INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    PRIMARY KEY (action, subject)
);
