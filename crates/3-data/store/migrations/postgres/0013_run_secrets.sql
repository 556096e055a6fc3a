-- What a run must be masked with, whichever process goes on with it: the secrets of the credentials that it has used,
-- under the run's own key. Gone when the run ends.
CREATE TABLE run_secrets (
    run         UUID NOT NULL,
    id          UUID NOT NULL,
    sealed      BYTEA NOT NULL,
    PRIMARY KEY (run, id)
);
