-- Runs and what keeps them alive. `due_at` is the one column that a worker looks at: the moment from which the run may
-- be claimed (queued: when it was created; running: when its lease ends; waiting: when it wakes), null for never.
create table runs (
    id              uuid primary key not null,
    team            uuid not null,
    environment     text not null,
    workflow        uuid not null,
    version         text not null,
    principal       text not null,
    trigger_kind    text not null,
    -- the trigger's id in the definition, when it has one
    trigger_node    text,
    status          text not null,
    -- 'cancel' or 'pause': what a person asked for and the worker has not honoured yet
    wish            text,
    wish_reason     text,
    lease_owner     uuid,
    lease_epoch     bigint not null default 0,
    due_at          bigint,
    claims          bigint not null default 0,
    max_concurrent  bigint,
    -- the step of the parent run that waits for this one
    parent          uuid,
    parent_node     text,
    parent_path     text,
    parent_index    bigint,
    depth           bigint not null default 0,
    -- null as soon as the run has ended: what was sealed under it can then never be opened again
    sealed_key      bytea,
    sealed_input    bytea,
    wants_reply     boolean not null default false,
    sealed_reply    bytea,
    idempotency     text,
    created_at      bigint not null,
    started_at      bigint,
    finished_at     bigint,
    input_tokens    bigint not null default 0,
    output_tokens   bigint not null default 0,
    -- screened and masked text only
    view            text
);
create index runs_by_team on runs (team, environment, id);
create index runs_by_workflow on runs (workflow, id);
create index runs_due on runs (due_at) where due_at is not null;
create index runs_running on runs (workflow, environment) where status = 'running';
create index runs_queued on runs (workflow, environment, id) where status = 'queued';
create index runs_by_parent on runs (parent) where parent is not null;
create index runs_reply on runs (finished_at) where sealed_reply is not null;
create unique index runs_idempotent on runs (team, environment, workflow, idempotency) where idempotency is not null;

create table run_steps (
    run             uuid not null,
    node            text not null,
    path            text not null,
    step            bigint not null,
    -- started (an effect may be in flight), waiting (for a time, a person or a child), done (the answer is here)
    state           text not null,
    attempts        bigint not null default 1,
    answer          bytea,
    due_at          bigint,
    started_at      bigint not null,
    finished_at     bigint,
    -- the order in which the run took in its answers: a replay takes them in the same one
    ordinal         bigint,
    primary key (run, node, path, step)
);

create table approvals (
    id              uuid primary key not null,
    team            uuid not null,
    environment     text not null,
    workflow        uuid not null,
    run             uuid not null,
    node            text not null,
    path            text not null,
    step            bigint not null,
    -- open, approved, rejected, expired or cancelled
    status          text not null,
    -- what the approvers are shown; screened and masked text only
    message         text not null,
    subject         text not null,
    approvers       text not null,
    required        bigint not null,
    decisions       text not null,
    -- people who may not decide, such as the one on whose behalf the run acts
    excluded        text not null,
    deadline        bigint,
    on_timeout      text not null,
    created_at      bigint not null,
    decided_at      bigint
);
create unique index approvals_by_step on approvals (run, node, path, step);
create index approvals_by_team on approvals (team, environment, id);

create table schedules (
    workflow        uuid not null,
    environment     text not null,
    node            text not null,
    team            uuid not null,
    version         text not null,
    publisher       text not null,
    -- the trigger's own: when, and in which time zone
    parameters      text not null,
    next_at         bigint not null,
    last_at         bigint,
    primary key (workflow, environment, node)
);
create index schedules_due on schedules (next_at);

-- one row per model call
create table token_usage (
    run             uuid not null,
    node            text not null,
    path            text not null,
    step            bigint not null,
    attempt         bigint not null,
    team            uuid not null,
    environment     text not null,
    workflow        uuid not null,
    principal       text not null,
    provider        text not null,
    model           text not null,
    input_tokens    bigint not null,
    output_tokens   bigint not null,
    -- price in millionths of a US dollar; null when the model's price is not known
    cost_micros     bigint,
    at              bigint not null,
    primary key (run, node, path, step, attempt)
);
create index token_usage_by_workflow on token_usage (workflow, at);
create index token_usage_by_team on token_usage (team, environment, at);
