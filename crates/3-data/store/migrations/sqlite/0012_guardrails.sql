-- What a team allows in spite of its guardrails, and what it compares texts with.
CREATE TABLE guardrail_exceptions (
    id          BLOB NOT NULL PRIMARY KEY,
    team        BLOB NOT NULL,
    environment TEXT NOT NULL,
    kind        TEXT,
    matcher     TEXT NOT NULL,
    owner       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    expires_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX guardrail_exceptions_by_scope ON guardrail_exceptions (team, environment, id);

-- kind: safe or attack
CREATE TABLE guardrail_references (
    id          BLOB NOT NULL PRIMARY KEY,
    team        BLOB NOT NULL,
    environment TEXT NOT NULL,
    kind        TEXT NOT NULL,
    category    TEXT NOT NULL,
    content     TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX guardrail_references_by_scope ON guardrail_references (team, environment, id);
