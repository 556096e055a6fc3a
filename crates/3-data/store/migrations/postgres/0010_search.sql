-- Finding, proving and purging audit entries. Everything but anchors, cosignatures and searches is made from the
-- entries, after they were stored, so that nobody who appends waits for it.

-- How far each chain's entries were taken over into postings and tiles.
CREATE TABLE audit_indexed (
    chain TEXT NOT NULL PRIMARY KEY,
    seq   BIGINT NOT NULL
);

-- One row for each thing by which an entry is found; `facet` is a keyed hash over chain, kind and value.
CREATE TABLE audit_postings (
    facet BIGINT NOT NULL,
    at    BIGINT NOT NULL,
    seq   BIGINT NOT NULL,
    PRIMARY KEY (facet, at, seq)
);

-- The chain's tree, 256 hashes a row; a row of level n + 1 holds the roots of rows of level n.
CREATE TABLE audit_tiles (
    chain  TEXT NOT NULL,
    level  BIGINT NOT NULL,
    place  BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (chain, level, place)
);

-- Where the entries of a chain begin after a purge.
CREATE TABLE audit_anchors (
    chain      TEXT NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL,
    hash       BYTEA NOT NULL,
    tree       BYTEA NOT NULL,
    checkpoint BIGINT NOT NULL,
    at         BIGINT NOT NULL
);

-- What witnesses signed.
CREATE TABLE audit_cosignatures (
    checkpoint BIGINT NOT NULL,
    witness    TEXT NOT NULL,
    line       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (checkpoint, witness)
);

-- Searches that somebody kept; the question may name a person, so it is sealed.
CREATE TABLE audit_searches (
    id          UUID NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    updated_by  TEXT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (team, environment, name)
);
