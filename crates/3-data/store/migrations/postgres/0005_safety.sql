-- What checks found, answers that are kept for a repeated request, and settings.
CREATE TABLE violations (
    id          UUID NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    workflow    UUID,
    run         UUID,
    node        TEXT,
    name        TEXT NOT NULL,
    severity    TEXT NOT NULL,
    enforcement TEXT NOT NULL,
    detail      TEXT NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX violations_by_scope ON violations (team, environment, id);
CREATE INDEX violations_of_run ON violations (run) WHERE run IS NOT NULL;

CREATE TABLE idempotency_keys (
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    principal   TEXT NOT NULL,
    name        TEXT NOT NULL,
    request     BYTEA NOT NULL,
    status      BIGINT,
    response    BYTEA,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (team, environment, principal, name)
);
CREATE INDEX idempotency_keys_expire ON idempotency_keys (expires_at);

-- team is all zeroes for the instance's own settings, environment is empty for all environments
CREATE TABLE settings (
    team        UUID NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    updated_by  TEXT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (team, environment, name)
);
