//! The few statements that the two databases spell differently.

use crate::kernel::sql::Sql;

pub(crate) const LOCK_AUDIT_HEADS: Sql = Sql {
    sqlite: "SELECT chain, seq, hash, tree FROM audit_heads \
             WHERE chain IN (SELECT value ->> 0 FROM json_each($1))",
    postgres: "SELECT chain, seq, hash, tree FROM audit_heads WHERE chain = ANY($1) ORDER BY chain FOR UPDATE",
};

pub(crate) const BEGIN_AUDIT_HEADS: Sql = Sql {
    sqlite: "INSERT INTO audit_heads (chain, seq, hash, tree) \
             SELECT value ->> 0, 0, zeroblob(32), zeroblob(0) FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO audit_heads (chain, seq, hash, tree) \
               SELECT c, 0, decode(repeat('00', 32), 'hex'), ''::bytea FROM UNNEST($1::text[]) AS c ORDER BY c \
               ON CONFLICT DO NOTHING",
};

pub(crate) const MOVE_AUDIT_HEADS: Sql = Sql {
    sqlite: "INSERT INTO audit_heads (chain, seq, hash, tree) \
             SELECT value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3) FROM json_each($1) WHERE true \
             ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, tree = excluded.tree",
    postgres: "INSERT INTO audit_heads (chain, seq, hash, tree) \
               SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) \
               ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, tree = excluded.tree",
};

pub(crate) const INSERT_AUDIT_ENTRIES: Sql = Sql {
    sqlite: "INSERT INTO audit_entries \
             (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
             SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
             unhex(value ->> 7), unhex(value ->> 8), unhex(value ->> 9), unhex(value ->> 10), unhex(value ->> 11) \
             FROM json_each($1)",
    postgres: "INSERT INTO audit_entries \
               (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
               SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], \
               $7::text[], $8::uuid[], $9::uuid[], $10::bytea[], $11::bytea[], $12::bytea[])",
};

/// Entries, then heads, in one trip: PostgreSQL's alone.
pub(crate) const APPEND_AUDIT_ENTRIES: Sql = Sql {
    sqlite: "",
    postgres: "WITH moved AS (INSERT INTO audit_heads (chain, seq, hash, tree) \
               SELECT * FROM UNNEST($13::text[], $14::bigint[], $15::bytea[], $16::bytea[]) \
               ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, tree = excluded.tree) \
               INSERT INTO audit_entries \
               (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
               SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], \
               $7::text[], $8::uuid[], $9::uuid[], $10::bytea[], $11::bytea[], $12::bytea[])",
};

/// A transaction of its own: entries and heads, if the one head still is where the writer saw it last. PostgreSQL's
/// alone; SQLite's stands in `audit/lane.rs`.
pub(crate) const RECORD_AUDIT_ENTRIES: Sql = Sql {
    sqlite: "",
    postgres: "WITH moved AS (UPDATE audit_heads AS h SET seq = n.seq, hash = n.hash, tree = n.tree \
               FROM UNNEST($13::text[], $14::bigint[], $15::bytea[], $16::bytea[], $17::bigint[], $18::bytea[]) \
               AS n(chain, seq, hash, tree, old_seq, old_hash) \
               WHERE h.chain = n.chain AND h.seq = n.old_seq AND h.hash = n.old_hash RETURNING 1) \
               INSERT INTO audit_entries \
               (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
               SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], \
               $7::text[], $8::uuid[], $9::uuid[], $10::bytea[], $11::bytea[], $12::bytea[]) \
               WHERE EXISTS (SELECT 1 FROM moved)",
};

/// The same for one entry, which PostgreSQL plans once and for all: PostgreSQL's alone.
pub(crate) const RECORD_AUDIT_ENTRY: Sql = Sql {
    sqlite: "",
    postgres: "WITH moved AS (UPDATE audit_heads SET seq = $14::bigint, hash = $15::bytea, tree = $16::bytea \
               WHERE chain = $13::text AND seq = $17::bigint AND hash = $18::bytea RETURNING 1) \
               INSERT INTO audit_entries \
               (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
               SELECT $1::text, $2::bigint, $3::uuid, $4::bigint, $5::text, $6::text, $7::text, $8::uuid, $9::uuid, \
               $10::bytea, $11::bytea, $12::bytea WHERE EXISTS (SELECT 1 FROM moved)",
};

/// Counts a team's events on and says how far; on PostgreSQL the counter stays locked until the commit.
pub(crate) const COUNT_EVENTS: Sql = Sql {
    sqlite: "INSERT INTO event_counters (team, last) \
             SELECT unhex(value ->> 0), value ->> 1 FROM json_each($1) WHERE true \
             ON CONFLICT (team) DO UPDATE SET last = event_counters.last + excluded.last RETURNING team, last",
    postgres: "INSERT INTO event_counters (team, last) SELECT t, n FROM UNNEST($1::uuid[], $2::bigint[]) AS x(t, n) \
               ORDER BY t \
               ON CONFLICT (team) DO UPDATE SET last = event_counters.last + excluded.last RETURNING team, last",
};

pub(crate) const INSERT_EVENTS: Sql = Sql {
    sqlite: "INSERT INTO events (team, sequence, environment, at, kind, workflow, run, payload) \
             SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, unhex(value ->> 5), \
             unhex(value ->> 6), value ->> 7 FROM json_each($1)",
    postgres: "INSERT INTO events (team, sequence, environment, at, kind, workflow, run, payload) \
               SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::uuid[], \
               $7::uuid[], $8::text[])",
};

/// The version of the newest migration that was applied; no row when there is no schema yet.
pub(crate) const SCHEMA_TABLE: Sql = Sql {
    sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
    postgres: "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
               WHERE table_schema = current_schema() AND table_name = 'schema_migrations'",
};

/// Changes that count a team's members happen one after the other; SQLite has one writer anyway.
pub(crate) const LOCK_TEAM: Sql =
    Sql { sqlite: "SELECT id FROM teams WHERE id = $1", postgres: "SELECT id FROM teams WHERE id = $1 FOR UPDATE" };

/// The same for versions and publications of a workflow.
pub(crate) const LOCK_WORKFLOW: Sql = Sql {
    sqlite: "SELECT id FROM workflows WHERE id = $1 AND team = $2 AND deleted_at IS NULL",
    postgres: "SELECT id FROM workflows WHERE id = $1 AND team = $2 AND deleted_at IS NULL FOR UPDATE",
};

/// Runs that are over as they are stored: nothing sealed, no lease, no parent, no word, nothing used.
pub(crate) const INSERT_ENDED_RUNS: Sql = Sql {
    sqlite: "INSERT INTO runs (id, team, environment, workflow, version, principal, trigger_kind, trigger_node, \
             status, max_concurrent, wants_reply, created_at, started_at, finished_at, view) \
             SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, unhex(value ->> 3), value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, \
             value ->> 13, value ->> 14 FROM json_each($1)",
    postgres: "INSERT INTO runs (id, team, environment, workflow, version, principal, trigger_kind, trigger_node, \
               status, max_concurrent, wants_reply, created_at, started_at, finished_at, view) \
               SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], \
               $7::text[], $8::text[], $9::text[], $10::bigint[], $11::boolean[], $12::bigint[], $13::bigint[], \
               $14::bigint[], $15::text[])",
};

pub(crate) const INSERT_VIOLATIONS: Sql = Sql {
    sqlite: "INSERT INTO violations \
             (id, kind, team, environment, workflow, run, node, name, severity, enforcement, detail, at) \
             SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), value ->> 3, unhex(value ->> 4), \
             unhex(value ->> 5), value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11 \
             FROM json_each($1) WHERE true ON CONFLICT (id) DO NOTHING",
    postgres: "INSERT INTO violations \
               (id, kind, team, environment, workflow, run, node, name, severity, enforcement, detail, at) \
               SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], \
               $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[]) \
               ON CONFLICT (id) DO NOTHING",
};

pub(crate) const INSERT_AUDIT_POSTINGS: Sql = Sql {
    sqlite: "INSERT INTO audit_postings (facet, at, seq) \
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO audit_postings (facet, at, seq) \
               SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) ON CONFLICT DO NOTHING",
};

pub(crate) const DELETE_AUDIT_POSTINGS: Sql = Sql {
    sqlite: "DELETE FROM audit_postings WHERE (facet, at, seq) IN \
             (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1))",
    postgres: "DELETE FROM audit_postings WHERE (facet, at, seq) IN \
               (SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]))",
};

pub(crate) const PUT_AUDIT_TILES: Sql = Sql {
    sqlite: "INSERT INTO audit_tiles (chain, level, place, hashes) \
             SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) FROM json_each($1) WHERE true \
             ON CONFLICT (chain, level, place) DO UPDATE SET hashes = excluded.hashes",
    postgres: "INSERT INTO audit_tiles (chain, level, place, hashes) \
               SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::bigint[], $4::bytea[]) \
               ON CONFLICT (chain, level, place) DO UPDATE SET hashes = excluded.hashes",
};

pub(crate) const READ_AUDIT_TILES: Sql = Sql {
    sqlite: "SELECT t.level, t.place, t.hashes FROM json_each($1) AS w JOIN audit_tiles AS t \
             ON t.chain = w.value ->> 0 AND t.level = w.value ->> 1 AND t.place = w.value ->> 2",
    postgres: "SELECT t.level, t.place, t.hashes FROM UNNEST($1::text[], $2::bigint[], $3::bigint[]) AS w(c, l, p) \
               JOIN audit_tiles AS t ON t.chain = w.c AND t.level = w.l AND t.place = w.p",
};

pub(crate) const READ_AUDIT_ENTRIES_AT: Sql = Sql {
    sqlite: "SELECT e.chain, e.seq, e.id, e.at, e.operation, e.target, e.result, e.request, e.intent, e.subject, \
             e.entry, e.hash FROM json_each($1) AS w JOIN audit_entries AS e \
             ON e.chain = w.value ->> 0 AND e.seq = w.value ->> 1",
    postgres: "SELECT e.chain, e.seq, e.id, e.at, e.operation, e.target, e.result, e.request, e.intent, e.subject, \
               e.entry, e.hash FROM UNNEST($1::text[], $2::bigint[]) AS w(c, s) JOIN audit_entries AS e \
               ON e.chain = w.c AND e.seq = w.s",
};

/// The newest of a team's events before a number, of one of several kinds.
pub(crate) const SIEM_EVENT_BEFORE: Sql = Sql {
    sqlite: "SELECT e.team, e.sequence, e.environment, e.at, e.kind, e.workflow, e.run, e.payload \
             FROM json_each($1) AS w JOIN events AS e ON e.team = unhex(w.value ->> 0) \
             AND e.environment = w.value ->> 1 AND e.sequence < w.value ->> 2 AND e.kind = w.value ->> 3 \
             ORDER BY e.sequence DESC LIMIT 1",
    postgres: "SELECT e.team, e.sequence, e.environment, e.at, e.kind, e.workflow, e.run, e.payload \
               FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::text[]) AS w(t, v, s, k) JOIN events AS e \
               ON e.team = w.t AND e.environment = w.v AND e.sequence < w.s AND e.kind = w.k \
               ORDER BY e.sequence DESC LIMIT 1",
};
