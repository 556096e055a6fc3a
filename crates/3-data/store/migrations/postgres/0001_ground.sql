-- What the kernel itself needs: the audit trail and the stream of events.
CREATE TABLE audit_heads (
    chain TEXT NOT NULL PRIMARY KEY,
    seq   BIGINT NOT NULL,
    hash  BYTEA NOT NULL,
    tree  BYTEA NOT NULL
);

CREATE TABLE audit_entries (
    chain     TEXT NOT NULL,
    seq       BIGINT NOT NULL,
    id        UUID NOT NULL,
    at        BIGINT NOT NULL,
    operation TEXT NOT NULL,
    target    TEXT,
    result    TEXT NOT NULL,
    request   UUID,
    intent    UUID,
    subject   BYTEA,
    entry     BYTEA NOT NULL,
    hash      BYTEA NOT NULL,
    PRIMARY KEY (chain, seq)
);

CREATE TABLE audit_checkpoints (
    chain TEXT NOT NULL,
    seq   BIGINT NOT NULL,
    at    BIGINT NOT NULL,
    root  BYTEA NOT NULL,
    note  BYTEA NOT NULL,
    PRIMARY KEY (chain, seq)
);

CREATE TABLE subject_keys (
    subject BYTEA NOT NULL PRIMARY KEY,
    wrapped BYTEA NOT NULL,
    at      BIGINT NOT NULL
);

CREATE TABLE event_counters (
    team UUID NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

CREATE TABLE events (
    team        UUID NOT NULL,
    sequence    BIGINT NOT NULL,
    environment TEXT NOT NULL,
    at          BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    workflow    UUID,
    run         UUID,
    payload     TEXT NOT NULL,
    PRIMARY KEY (team, sequence)
);
CREATE INDEX events_of_run ON events (run, sequence) WHERE run IS NOT NULL;
