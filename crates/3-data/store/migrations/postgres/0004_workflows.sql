-- Workflows of a team, their immutable versions, and which version each environment runs.
CREATE TABLE workflows (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL REFERENCES teams (id),
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    deleted_at  BIGINT
);
CREATE UNIQUE INDEX workflows_by_name ON workflows (team, name) WHERE deleted_at IS NULL;
CREATE INDEX workflows_of_team ON workflows (team, id);

-- hash: of the definition's text, in hexadecimal; a version never changes
CREATE TABLE workflow_versions (
    workflow   UUID NOT NULL REFERENCES workflows (id),
    number     BIGINT NOT NULL,
    hash       TEXT NOT NULL,
    definition TEXT NOT NULL,
    note       TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workflow, number),
    UNIQUE (workflow, hash)
);

-- the history of what ran where; the open row (ended_at null) runs now
CREATE TABLE publications (
    workflow      UUID NOT NULL REFERENCES workflows (id),
    environment   TEXT NOT NULL,
    count         BIGINT NOT NULL,
    team          UUID NOT NULL,
    version       BIGINT NOT NULL,
    promoted_from TEXT,
    published_by  TEXT NOT NULL,
    at            BIGINT NOT NULL,
    ended_at      BIGINT,
    PRIMARY KEY (workflow, environment, count)
);
CREATE UNIQUE INDEX one_publication ON publications (workflow, environment) WHERE ended_at IS NULL;

CREATE TABLE webhooks (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    workflow    UUID NOT NULL REFERENCES workflows (id),
    node        TEXT NOT NULL,
    path        TEXT NOT NULL UNIQUE,
    credential  TEXT,
    active      BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (workflow, environment, node)
);
