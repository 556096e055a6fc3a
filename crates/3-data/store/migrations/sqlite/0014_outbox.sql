-- Mails that wait for their mail server, sealed until they are gone; of one that was given up a word is left.
CREATE TABLE mails (
    id         BLOB NOT NULL PRIMARY KEY,
    -- what it is about, such as an invitation; empty for what nobody looks at again
    about      TEXT NOT NULL,
    sealed     BLOB,
    -- waiting, dead
    state      TEXT NOT NULL,
    attempts   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX mails_due ON mails (next_at) WHERE state = 'waiting';
CREATE INDEX mails_about ON mails (about) WHERE about <> '';

-- By whose rights runs live that nobody drives at the moment.
CREATE INDEX runs_parked ON runs (principal, team, environment) WHERE status IN ('queued', 'waiting', 'paused');
