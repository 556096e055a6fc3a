//! The tables of a dump, in an order in which each finds what it refers to. A test holds this list against the schema.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Text,
    Int,
    Bool,
    Bytes,
}

/// A table, and the statements for reading it whole and for writing many rows.
pub(crate) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub any: &'static str,
    pub read: &'static str,
    pub write_sqlite: &'static str,
    pub write_postgres: &'static str,
}

// Pairs every column with its place (from 0 for SQLite, from $1 for PostgreSQL), and puts the statements together while
// compiling: what reaches the database is text that stands here.
macro_rules! table {
    (@get Id $n:literal) => { concat!("unhex(value ->> ", $n, ")") };
    (@get Bytes $n:literal) => { concat!("unhex(value ->> ", $n, ")") };
    (@get $kind:ident $n:literal) => { concat!("value ->> ", $n) };
    (@cast Id) => { "::uuid[]" };
    (@cast Text) => { "::text[]" };
    (@cast Int) => { "::bigint[]" };
    (@cast Bool) => { "::boolean[]" };
    (@cast Bytes) => { "::bytea[]" };
    (@pair $table:ident [$($done:tt)*] [($n:literal $m:literal) $($more:tt)*] $name:ident $kind:ident $(, $($rest:tt)*)?) => {
        table!(@pair $table [$($done)* ($n $m $name $kind)] [$($more)*] $($($rest)*)?)
    };
    (@pair $table:ident [($n0:literal $m0:literal $name0:ident $kind0:ident) $(($n:literal $m:literal $name:ident $kind:ident))*]
        [$($more:tt)*]) => {
        Table {
            name: stringify!($table),
            columns: &[(stringify!($name0), Kind::$kind0) $(, (stringify!($name), Kind::$kind))*],
            any: concat!("SELECT 1 AS there FROM ", stringify!($table), " LIMIT 1"),
            read: concat!("SELECT ", stringify!($name0) $(, ", ", stringify!($name))*, " FROM ", stringify!($table)),
            write_sqlite: concat!(
                "INSERT INTO ", stringify!($table), " (", stringify!($name0) $(, ", ", stringify!($name))*,
                ") SELECT ", table!(@get $kind0 $n0) $(, ", ", table!(@get $kind $n))*, " FROM json_each($1)"
            ),
            write_postgres: concat!(
                "INSERT INTO ", stringify!($table), " (", stringify!($name0) $(, ", ", stringify!($name))*,
                ") SELECT * FROM UNNEST(", $m0, table!(@cast $kind0) $(, ", ", $m, table!(@cast $kind))*, ")"
            ),
        }
    };
    ($table:ident { $($columns:tt)* }) => {
        table!(@pair $table [] [
            (0 "$1") (1 "$2") (2 "$3") (3 "$4") (4 "$5") (5 "$6") (6 "$7") (7 "$8") (8 "$9") (9 "$10") (10 "$11") (11 "$12") (12 "$13") (13 "$14") (14 "$15") (15 "$16") (16 "$17") (17 "$18") (18 "$19") (19 "$20") (20 "$21") (21 "$22") (22 "$23") (23 "$24") (24 "$25") (25 "$26") (26 "$27") (27 "$28") (28 "$29") (29 "$30") (30 "$31") (31 "$32") (32 "$33") (33 "$34") (34 "$35") (35 "$36")
        ] $($columns)*)
    };
}

/// All of them.
pub(crate) const TABLES: &[Table] = &[
    table!(teams { id Id, slug Text, name Text, created_at Int, require_second_factor Bool, deleted_at Int }),
    table!(users {
        id Id, email_norm Text, name Text, password_hash Text, email_verified_at Int, disabled_at Int, created_at Int
    }),
    table!(service_accounts { id Id, team Id, name Text, created_by Text, created_at Int, disabled_at Int }),
    table!(memberships { team Id, member_kind Text, member Id, role Text, source Text, created_at Int }),
    table!(api_keys {
        id Id, hash Bytes, prefix Text, name Text, team Id, owner_kind Text, owner Id, permissions Text,
        environments Text, addresses Text, created_at Int, expires_at Int, revoked_at Int, last_used_at Int,
        last_used_from Text
    }),
    table!(setup_tokens { hash Bytes, expires_at Int, used_at Int }),
    table!(sessions {
        id Id, user_id Id, authenticated_at Int, created_at Int, expires_at Int, ended_at Int, client Text,
        user_agent Text, last_seen_at Int, method Text, renew Bool
    }),
    table!(refresh_tokens { hash Bytes, session Id, issued_at Int, expires_at Int, used_at Int }),
    table!(mail_tokens {
        hash Bytes, purpose Text, user_id Id, email Text, created_at Int, expires_at Int, used_at Int
    }),
    table!(invitations {
        id Id, team Id, email_norm Text, role Text, hash Bytes, by_mail Bool, invited_by Text, created_at Int,
        sent_at Int, expires_at Int, accepted_at Int, accepted_by Id, revoked_at Int
    }),
    table!(second_factors { user_id Id, sealed Bytes, created_at Int, confirmed_at Int, last_step Int }),
    table!(recovery_codes { user_id Id, hash Bytes, used_at Int }),
    table!(mails { id Id, about Text, sealed Bytes, state Text, attempts Int, next_at Int, created_at Int }),
    table!(pending_sign_ins { hash Bytes, user_id Id, created_at Int, expires_at Int, attempts Int, used_at Int }),
    table!(cooldowns { action Text, subject Bytes, failures Int, last_failure Int, until Int }),
    table!(workflows {
        id Id, team Id, name Text, description Text, created_by Text, created_at Int, updated_at Int, deleted_at Int
    }),
    table!(workflow_versions {
        workflow Id, number Int, hash Text, definition Text, note Text, created_by Text, created_at Int
    }),
    table!(publications {
        workflow Id, environment Text, count Int, team Id, version Int, promoted_from Text, published_by Text, at Int, ended_at Int
    }),
    table!(webhooks {
        id Id, team Id, environment Text, workflow Id, node Text, path Text, credential Text, active Bool,
        created_at Int
    }),
    table!(data_keys { id Int, purpose Text, wrapped Bytes, active Bool, at Int }),
    table!(credentials {
        id Id, team Id, environment Text, name Text, kind Text, hosts Text, status Text, version Int, sealed Bytes, created_by Text, created_at Int, updated_at Int, last_used_at Int, provider Text, rotation_due_at Int, tested_at Int, test_result Text
    }),
    table!(credential_versions {
        id Id, credential Id, team Id, environment Text, version Int, sealed Bytes, replaced_by Text, replaced_at Int
    }),
    table!(oauth_clients {
        id Id, team Id, environment Text, provider Text, client_id Text, sealed Bytes, settings Text, created_by Text, updated_at Int
    }),
    table!(oauth_requests {
        state_hash Bytes, team Id, environment Text, provider Text, sealed Bytes, binding_hash Bytes, session Text, expires_at Int, used_at Int
    }),
    table!(oauth_grants {
        credential Id, team Id, environment Text, provider Text, account Text, requested Text, scopes Text, parameters Text, expires_at Int, refresh_expires_at Int, refreshable Bool, status Text, reason Text, refreshes Int, refreshed_at Int, failures Int, retry_at Int, lease_owner Id, lease_until Int
    }),
    table!(settings { team Id, environment Text, name Text, value Text, updated_by Text, updated_at Int }),
    table!(guardrail_exceptions {
        id Id, team Id, environment Text, kind Text, matcher Text, owner Text, reason Text, expires_at Int,
        created_by Text, created_at Int
    }),
    table!(guardrail_references {
        id Id, team Id, environment Text, kind Text, category Text, content Text, created_by Text, created_at Int
    }),
    table!(violations {
        id Id, kind Text, team Id, environment Text, workflow Id, run Id, node Text, name Text, severity Text,
        enforcement Text, detail Text, at Int
    }),
    table!(idempotency_keys {
        team Id, environment Text, principal Text, name Text, request Bytes, status Int, response Bytes,
        expires_at Int
    }),
    table!(runs {
        id Id, team Id, environment Text, workflow Id, version Text, principal Text, trigger_kind Text,
        trigger_node Text, status Text, wish Text, wish_reason Text, lease_owner Id, lease_epoch Int, due_at Int,
        claims Int, max_concurrent Int, parent Id, parent_node Text, parent_path Text, parent_index Int, depth Int, sealed_key Bytes, sealed_input Bytes, wants_reply Bool, sealed_reply Bytes, idempotency Text,
        created_at Int, started_at Int, finished_at Int, input_tokens Int, output_tokens Int, view Text
    }),
    table!(run_steps {
        run Id, node Text, path Text, step Int, state Text, attempts Int, answer Bytes, due_at Int, started_at Int, finished_at Int, ordinal Int
    }),
    table!(run_secrets { run Id, id Id, sealed Bytes }),
    table!(approvals {
        id Id, team Id, environment Text, workflow Id, run Id, node Text, path Text, step Int, status Text,
        message Text, subject Text, approvers Text, required Int, decisions Text, excluded Text, deadline Int,
        on_timeout Text, created_at Int, decided_at Int
    }),
    table!(schedules {
        workflow Id, environment Text, node Text, team Id, version Text, publisher Text, parameters Text, next_at Int, last_at Int
    }),
    table!(token_usage {
        run Id, node Text, path Text, step Int, attempt Int, team Id, environment Text, workflow Id, principal Text, provider Text, model Text, input_tokens Int, output_tokens Int, cost_micros Int, at Int
    }),
    table!(audit_heads { chain Text, seq Int, hash Bytes, tree Bytes }),
    table!(audit_entries {
        chain Text, seq Int, id Id, at Int, operation Text, target Text, result Text, request Id, intent Id,
        subject Bytes, entry Bytes, hash Bytes
    }),
    table!(audit_checkpoints { chain Text, seq Int, at Int, root Bytes, note Bytes }),
    table!(audit_indexed { chain Text, seq Int }),
    table!(audit_postings { facet Int, at Int, seq Int }),
    table!(audit_tiles { chain Text, level Int, place Int, hashes Bytes }),
    table!(audit_anchors { chain Text, seq Int, hash Bytes, tree Bytes, checkpoint Int, at Int }),
    table!(audit_cosignatures { checkpoint Int, witness Text, line Text, at Int }),
    table!(audit_searches {
        id Id, team Id, environment Text, name Text, sealed Bytes, updated_by Text, updated_at Int
    }),
    table!(subject_keys { subject Bytes, wrapped Bytes, at Int }),
    table!(siem_destinations {
        id Id, team Id, environment Text, chain Text, name Text, kind Text, settings Text, sealed Bytes, enabled Bool,
        wants_audit Bool, wants_events Bool, wants_checkpoints Bool, version Int, audit_seq Int, event_seq Int,
        event_prev Text, checkpoint_seq Int, state Text, reason Text, state_since Int, attempts Int, retry_at Int,
        last_error Text, last_error_at Int, last_delivered_at Int, delivered Int, retries Int, dead Int,
        lease_owner Id, lease_epoch Int, lease_until Int, created_by Text, created_at Int, updated_at Int
    }),
    table!(siem_dead_letters {
        id Id, destination Id, team Id, environment Text, stream Text, seq Int, event Text, reason Text, tries Int,
        at Int
    }),
    table!(event_counters { team Id, last Int }),
    table!(events { team Id, sequence Int, environment Text, at Int, kind Text, workflow Id, run Id, payload Text }),
];
