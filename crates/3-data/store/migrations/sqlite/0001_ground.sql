-- What the kernel itself needs: the audit trail and the stream of events.
CREATE TABLE audit_heads (
    chain TEXT NOT NULL PRIMARY KEY,
    seq   INTEGER NOT NULL,
    hash  BLOB NOT NULL,
    tree  BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit_entries (
    chain     TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    id        BLOB NOT NULL,
    at        INTEGER NOT NULL,
    operation TEXT NOT NULL,
    target    TEXT,
    result    TEXT NOT NULL,
    request   BLOB,
    intent    BLOB,
    subject   BLOB,
    entry     BLOB NOT NULL,
    hash      BLOB NOT NULL,
    PRIMARY KEY (chain, seq)
) WITHOUT ROWID;

CREATE TABLE audit_checkpoints (
    chain TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    root  BLOB NOT NULL,
    note  BLOB NOT NULL,
    PRIMARY KEY (chain, seq)
) WITHOUT ROWID;

CREATE TABLE subject_keys (
    subject BLOB NOT NULL PRIMARY KEY,
    wrapped BLOB NOT NULL,
    at      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE event_counters (
    team BLOB NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
    team        BLOB NOT NULL,
    sequence    INTEGER NOT NULL,
    environment TEXT NOT NULL,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    workflow    BLOB,
    run         BLOB,
    payload     TEXT NOT NULL,
    PRIMARY KEY (team, sequence)
) WITHOUT ROWID;
CREATE INDEX events_of_run ON events (run, sequence) WHERE run IS NOT NULL;
