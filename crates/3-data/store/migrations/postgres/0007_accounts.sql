-- Accounts: links that were mailed, invitations, the second factor, and what a session remembers.

-- purpose: verify or reset. The address is the one that the mail went to: confirming makes it the account's.
CREATE TABLE mail_tokens (
    hash       BYTEA NOT NULL PRIMARY KEY,
    purpose    TEXT NOT NULL,
    user_id    UUID NOT NULL REFERENCES users (id),
    email      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX mail_tokens_of_user ON mail_tokens (user_id);
CREATE INDEX mail_tokens_expire ON mail_tokens (expires_at);

-- by_mail: the link went to the address itself, so whoever has it has the mailbox
CREATE TABLE invitations (
    id          UUID NOT NULL PRIMARY KEY,
    team        UUID NOT NULL REFERENCES teams (id),
    email_norm  TEXT NOT NULL,
    role        TEXT NOT NULL,
    hash        BYTEA NOT NULL UNIQUE,
    by_mail     BOOLEAN NOT NULL,
    invited_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    sent_at     BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    accepted_at BIGINT,
    accepted_by UUID,
    revoked_at  BIGINT
);
CREATE INDEX invitations_of_team ON invitations (team, id);

-- sealed: the shared secret. last_step: the newest time step whose code was taken, so that none is taken twice.
CREATE TABLE second_factors (
    user_id      UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    sealed       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step    BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id UUID NOT NULL REFERENCES users (id),
    hash    BYTEA NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, hash)
);

-- The password was right; the second step is awaited.
CREATE TABLE pending_sign_ins (
    hash       BYTEA NOT NULL PRIMARY KEY,
    user_id    UUID NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX pending_sign_ins_expire ON pending_sign_ins (expires_at);

ALTER TABLE sessions ADD COLUMN last_seen_at BIGINT;
-- password, second_factor or organisation: how its owner proved who they are
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
-- its owner's rights changed: the next renewal gives it another id
ALTER TABLE sessions ADD COLUMN renew BOOLEAN NOT NULL DEFAULT FALSE;
