//! Taking work: runs that are due, oldest first, never more of one workflow at once than it allows.

use std::collections::{BTreeMap, btree_map::Entry};

use authz::SystemPermit;
use domain::{
    Environment, Json, LeaseId, Principal, RunId, RunStatus, Scope, StepAddress, Timestamp, Usage, WorkflowId,
};

use super::{RunLease, Wish};
use crate::{
    Result,
    kernel::{
        sql::{Bind, Sql, binds},
        tx::Tx,
    },
};

/// A run that a worker has just taken, with what it needs to go on.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub lease: RunLease,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub version: String,
    pub principal: Principal,
    pub trigger: String,
    pub trigger_node: Option<String>,
    /// The workflow allows only so many at once.
    pub limited: bool,
    pub usage: Usage,
    /// As far as it had come when it was parked.
    pub view: Option<Json>,
    pub parent: Option<StepAddress>,
    pub depth: u32,
    /// The run's own key, wrapped by the vault.
    pub sealed_key: Vec<u8>,
    pub sealed_input: Vec<u8>,
    pub wants_reply: bool,
    /// How often it was claimed since it last got on.
    pub claims: u32,
    pub wish: Option<(Wish, String)>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    /// It has been claimed before: there may be steps to replay.
    pub resumed: bool,
}

/// Whether one more run of this workflow may start now: fewer than `max` are running and none waits in line. Holds the
/// workflow's line until the transaction ends, so that two processes do not both take the last place.
pub(crate) async fn has_room(tx: &mut Tx, workflow: WorkflowId, environment: Environment, max: u32) -> Result<bool> {
    lock_line(tx, workflow, environment).await?;
    let queued = tx
        .optional(
            "select id from runs where workflow = $1 and environment = $2 and status = 'queued' limit 1",
            binds![workflow, environment],
        )
        .await?;
    Ok(queued.is_none() && running(tx, workflow, environment).await? < u64::from(max))
}

async fn running(tx: &mut Tx, workflow: WorkflowId, environment: Environment) -> Result<u64> {
    tx.one(
        "select count(*) as n from runs where workflow = $1 and environment = $2 and status = 'running'",
        binds![workflow, environment],
    )
    .await?
    .get("n")
}

/// How many runs of the workflow were made since then. Holds the line, so that two processes do not both count the last.
pub(crate) async fn started_since(
    tx: &mut Tx,
    workflow: WorkflowId,
    environment: Environment,
    since: Timestamp,
) -> Result<u64> {
    lock_line(tx, workflow, environment).await?;
    tx.one(MADE_SINCE, made_since(workflow, environment, since)).await?.get("n")
}

/// Ids grow with time: the index on (workflow, id) answers this.
pub(super) const MADE_SINCE: &str =
    "select count(*) as n from runs where workflow = $1 and id >= $2 and environment = $3 and created_at > $4";

pub(super) fn made_since(workflow: WorkflowId, environment: Environment, since: Timestamp) -> Vec<Bind> {
    binds![workflow, RunId::new(since, [0; 10]), environment, since]
}

/// Serialises decisions about one workflow's line between processes; SQLite has one writer and needs nothing.
async fn lock_line(tx: &mut Tx, workflow: WorkflowId, environment: Environment) -> Result<()> {
    if tx.conn.is_postgres() {
        let (high, low) = workflow.uuid().as_u64_pair();
        let key = (high ^ low.rotate_left(17)).wrapping_add(environment as u64) as i64;
        tx.run("select 1 from (select pg_advisory_xact_lock($1)) as line", binds![key]).await?;
    }
    Ok(())
}

const DUE: Sql = Sql {
    sqlite: "select id, workflow, environment, status, max_concurrent, wish from runs where due_at <= $1 \
             order by due_at, id limit $2",
    postgres: "select id, workflow, environment, status, max_concurrent, wish from runs where due_at <= $1 \
               order by due_at, id limit $2 for update skip locked",
};

/// Takes up to `limit` due runs for `owner` until `until`, oldest first. A queued run whose workflow has no place free
/// steps out of the way until one of its siblings ends; a run with a wish is taken whatever the line says.
pub(crate) async fn claim(
    tx: &mut Tx,
    _permit: &SystemPermit,
    owner: LeaseId,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Claimed>> {
    let due = tx.all(DUE, binds![now, limit]).await?;
    let mut room: BTreeMap<(WorkflowId, Environment), i64> = BTreeMap::new();
    let mut claimed = Vec::with_capacity(due.len());
    for row in due {
        let id: RunId = row.get("id")?;
        let wished = row.get::<Option<String>>("wish")?.is_some();
        let max: Option<u32> = row.get("max_concurrent")?;
        if let (Some(max), RunStatus::Queued, false) = (max, row.get("status")?, wished) {
            let line = (row.get("workflow")?, row.get("environment")?);
            let left = match room.entry(line) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    lock_line(tx, line.0, line.1).await?;
                    unknown.insert(i64::from(max) - running(tx, line.0, line.1).await? as i64)
                }
            };
            if *left <= 0 {
                tx.run("update runs set due_at = null where id = $1", binds![id]).await?;
                continue;
            }
            *left -= 1;
        }
        claimed.push(take(tx, id, owner, now, until).await?);
    }
    Ok(claimed)
}

const TAKE: &str = "update runs set status = 'running', lease_owner = $2, lease_epoch = lease_epoch + 1, due_at = $3, \
    claims = claims + 1, started_at = coalesce(started_at, $4) where id = $1 \
    returning lease_epoch, team, environment, workflow, version, principal, trigger_kind, max_concurrent, parent, \
    parent_node, parent_path, parent_index, depth, sealed_key, sealed_input, wants_reply, claims, wish, wish_reason, \
    created_at, started_at, input_tokens, output_tokens, trigger_node, view";

async fn take(tx: &mut Tx, id: RunId, owner: LeaseId, now: Timestamp, until: Timestamp) -> Result<Claimed> {
    let row = tx.one(TAKE, binds![id, owner, until, now]).await?;
    let parent: Option<RunId> = row.get("parent")?;
    let epoch: i64 = row.get("lease_epoch")?;
    Ok(Claimed {
        lease: RunLease { run: id, owner, epoch },
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        workflow: row.get("workflow")?,
        version: row.get("version")?,
        principal: row.json("principal")?,
        trigger: row.get("trigger_kind")?,
        trigger_node: row.get("trigger_node")?,
        limited: row.get::<Option<u32>>("max_concurrent")?.is_some(),
        usage: Usage { input_tokens: row.get("input_tokens")?, output_tokens: row.get("output_tokens")? },
        view: row.get("view")?,
        parent: match parent {
            None => None,
            Some(run) => Some(StepAddress {
                run,
                node: row.get("parent_node")?,
                path: row.get("parent_path")?,
                index: row.get("parent_index")?,
            }),
        },
        depth: row.get("depth")?,
        sealed_key: row.get::<Option<Vec<u8>>>("sealed_key")?.unwrap_or_default(),
        sealed_input: row.get::<Option<Vec<u8>>>("sealed_input")?.unwrap_or_default(),
        wants_reply: row.get("wants_reply")?,
        claims: row.get("claims")?,
        wish: Wish::read(&row)?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        resumed: epoch > 1,
    })
}

/// Lets the oldest run in line be claimed, after one of its siblings has left its place.
pub(super) async fn let_next_in(tx: &mut Tx, workflow: WorkflowId, environment: Environment) -> Result<()> {
    lock_line(tx, workflow, environment).await?;
    tx.run(
        "update runs set due_at = created_at where id = (select id from runs where workflow = $1 \
         and environment = $2 and status = 'queued' and due_at is null order by id limit 1)",
        binds![workflow, environment],
    )
    .await?;
    Ok(())
}

/// The safety net under the line: runs that stand in it while their workflow has a place free, because the process that
/// should have let them in was killed in between. Returns how many were let in.
pub(crate) async fn let_forgotten_in(tx: &mut Tx, _permit: &SystemPermit, limit: u32) -> Result<u64> {
    tx.run(
        "update runs set due_at = created_at where id in (select waiting.id from runs as waiting \
         where waiting.status = 'queued' and waiting.due_at is null and (select count(*) from runs as busy \
         where busy.workflow = waiting.workflow and busy.environment = waiting.environment \
         and busy.status = 'running') < waiting.max_concurrent order by waiting.id limit $1)",
        binds![limit],
    )
    .await
}
