-- What a run must be masked with, whichever process goes on with it: the secrets of the credentials that it has used,
-- under the run's own key. Gone when the run ends.
CREATE TABLE run_secrets (
    run         BLOB NOT NULL,
    id          BLOB NOT NULL,
    sealed      BLOB NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;
