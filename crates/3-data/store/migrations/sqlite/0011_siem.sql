-- Where audit entries and security events are delivered to, how far, and what was refused.

-- Cursors name the last number that the receiver has; `event_prev` is the hash of the last security event that it has.
CREATE TABLE siem_destinations (
    id                BLOB NOT NULL PRIMARY KEY,
    team              BLOB NOT NULL,
    environment       TEXT NOT NULL,
    chain             TEXT NOT NULL,
    name              TEXT NOT NULL,
    kind              TEXT NOT NULL,
    settings          TEXT NOT NULL,
    sealed            BLOB NOT NULL,
    enabled           BOOLEAN NOT NULL,
    wants_audit       BOOLEAN NOT NULL,
    wants_events      BOOLEAN NOT NULL,
    wants_checkpoints BOOLEAN NOT NULL,
    version           INTEGER NOT NULL,
    audit_seq         INTEGER NOT NULL,
    event_seq         INTEGER NOT NULL,
    event_prev        TEXT NOT NULL,
    checkpoint_seq    INTEGER NOT NULL,
    state             TEXT NOT NULL,
    reason            TEXT,
    state_since       INTEGER NOT NULL,
    attempts          INTEGER NOT NULL,
    retry_at          INTEGER,
    last_error        TEXT,
    last_error_at     INTEGER,
    last_delivered_at INTEGER,
    delivered         INTEGER NOT NULL,
    retries           INTEGER NOT NULL,
    dead              INTEGER NOT NULL,
    lease_owner       BLOB,
    lease_epoch       INTEGER NOT NULL,
    lease_until       INTEGER,
    created_by        TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX siem_destinations_by_name ON siem_destinations (team, environment, name);

-- The event itself stays where it is: a dead letter says which, and why it was refused.
CREATE TABLE siem_dead_letters (
    id          BLOB NOT NULL PRIMARY KEY,
    destination BLOB NOT NULL,
    team        BLOB NOT NULL,
    environment TEXT NOT NULL,
    stream      TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    event       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    tries       INTEGER NOT NULL,
    at          INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX siem_dead_letters_by_place ON siem_dead_letters (destination, stream, seq);
