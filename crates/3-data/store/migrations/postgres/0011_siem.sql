-- Where audit entries and security events are delivered to, how far, and what was refused.

-- Cursors name the last number that the receiver has; `event_prev` is the hash of the last security event that it has.
CREATE TABLE siem_destinations (
    id                UUID NOT NULL PRIMARY KEY,
    team              UUID NOT NULL,
    environment       TEXT NOT NULL,
    chain             TEXT NOT NULL,
    name              TEXT NOT NULL,
    kind              TEXT NOT NULL,
    settings          TEXT NOT NULL,
    sealed            BYTEA NOT NULL,
    enabled           BOOLEAN NOT NULL,
    wants_audit       BOOLEAN NOT NULL,
    wants_events      BOOLEAN NOT NULL,
    wants_checkpoints BOOLEAN NOT NULL,
    version           BIGINT NOT NULL,
    audit_seq         BIGINT NOT NULL,
    event_seq         BIGINT NOT NULL,
    event_prev        TEXT NOT NULL,
    checkpoint_seq    BIGINT NOT NULL,
    state             TEXT NOT NULL,
    reason            TEXT,
    state_since       BIGINT NOT NULL,
    attempts          BIGINT NOT NULL,
    retry_at          BIGINT,
    last_error        TEXT,
    last_error_at     BIGINT,
    last_delivered_at BIGINT,
    delivered         BIGINT NOT NULL,
    retries           BIGINT NOT NULL,
    dead              BIGINT NOT NULL,
    lease_owner       UUID,
    lease_epoch       BIGINT NOT NULL,
    lease_until       BIGINT,
    created_by        TEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
CREATE UNIQUE INDEX siem_destinations_by_name ON siem_destinations (team, environment, name);

-- The event itself stays where it is: a dead letter says which, and why it was refused.
CREATE TABLE siem_dead_letters (
    id          UUID NOT NULL PRIMARY KEY,
    destination UUID NOT NULL,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    stream      TEXT NOT NULL,
    seq         BIGINT NOT NULL,
    event       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    tries       BIGINT NOT NULL,
    at          BIGINT NOT NULL
);
CREATE UNIQUE INDEX siem_dead_letters_by_place ON siem_dead_letters (destination, stream, seq);
