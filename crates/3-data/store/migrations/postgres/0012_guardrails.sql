-- What a team allows in spite of its guardrails, and what it compares texts with.
CREATE TABLE guardrail_exceptions (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    kind        TEXT,
    matcher     TEXT NOT NULL,
    owner       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    expires_at  BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX guardrail_exceptions_by_scope ON guardrail_exceptions (team, environment, id);

-- kind: safe or attack
CREATE TABLE guardrail_references (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    kind        TEXT NOT NULL,
    category    TEXT NOT NULL,
    content     TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX guardrail_references_by_scope ON guardrail_references (team, environment, id);
