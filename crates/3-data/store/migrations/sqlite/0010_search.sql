-- Finding, proving and purging audit entries. Everything but anchors, cosignatures and searches is made from the
-- entries, after they were stored, so that nobody who appends waits for it.

-- How far each chain's entries were taken over into postings and tiles.
CREATE TABLE audit_indexed (
    chain TEXT NOT NULL PRIMARY KEY,
    seq   INTEGER NOT NULL
) WITHOUT ROWID;

-- One row for each thing by which an entry is found; `facet` is a keyed hash over chain, kind and value.
CREATE TABLE audit_postings (
    facet INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (facet, at, seq)
) WITHOUT ROWID;

-- The chain's tree, 256 hashes a row; a row of level n + 1 holds the roots of rows of level n.
CREATE TABLE audit_tiles (
    chain  TEXT NOT NULL,
    level  INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (chain, level, place)
);

-- Where the entries of a chain begin after a purge.
CREATE TABLE audit_anchors (
    chain      TEXT NOT NULL PRIMARY KEY,
    seq        INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    tree       BLOB NOT NULL,
    checkpoint INTEGER NOT NULL,
    at         INTEGER NOT NULL
) WITHOUT ROWID;

-- What witnesses signed.
CREATE TABLE audit_cosignatures (
    checkpoint INTEGER NOT NULL,
    witness    TEXT NOT NULL,
    line       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (checkpoint, witness)
) WITHOUT ROWID;

-- Searches that somebody kept; the question may name a person, so it is sealed.
CREATE TABLE audit_searches (
    id          BLOB NOT NULL PRIMARY KEY DEFAULT (randomblob(16)),
    team        BLOB NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    updated_by  TEXT NOT NULL,
    updated_at  INTEGER NOT NULL,
    UNIQUE (team, environment, name)
);
