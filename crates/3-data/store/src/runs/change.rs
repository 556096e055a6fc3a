//! The changes that the engine makes, each one transaction together with its audit entries and events.

use std::sync::Arc;

use authz::SystemPermit;
use domain::{LeaseId, NewEvent, Principal, RunId, RunStatus, Scope, StepAddress, Timestamp, WorkflowId};

use super::{
    Beat, Claimed, DueSchedule, Ending, Inserted, NewApproval, NewRun, Parking, RunLease, TokenUsage, approval, claim,
    ending, lease, row, schedule, step, to_json, token_usage, wish,
};
use crate::{
    Effects, Result, Store,
    kernel::{sql::binds, tx::Tx},
    records::Violation,
};

/// A run and what has to hold for it to start.
#[derive(Debug, Clone)]
pub struct StartRun {
    pub run: NewRun,
    /// Steps whose effects begin as soon as this is stored.
    pub begin: Vec<StepAddress>,
    /// Whether the workflow may have one more (R200).
    pub rate: Option<Rate>,
    /// Told when the run starts, or ends in this very change.
    pub events: Vec<NewEvent>,
    /// Kept with them.
    pub violations: Vec<Violation>,
    /// Told instead when it must stand in line.
    pub queued: Vec<NewEvent>,
}

/// A question about how often a workflow has run. The policy answers; the count is made inside the change, so that all
/// servers count alike.
#[derive(Clone)]
pub struct Rate {
    /// Counts runs that were made after this.
    pub since: Timestamp,
    /// Asked with how many there were. `None`: one more may start. Else nothing is stored but this.
    pub refusal: Arc<dyn Fn(u64) -> Option<Effects> + Send + Sync>,
}

impl std::fmt::Debug for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rate(since {})", self.since)
    }
}

/// What became of a schedule whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// It was moved on, and its run, if there was to be one, is stored.
    Here,
    /// It was moved on without a run: the workflow has had as many as it may.
    TooMany,
    /// Another server was first.
    Elsewhere,
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedAs {
    /// As asked: running with its lease, ended, or queued.
    Asked,
    /// There was no room; it stands in line without a lease.
    InLine,
    /// The same idempotency word has started this run before.
    Already(RunId),
    /// The workflow has had as many runs as it may; nothing was stored but what [`Rate::refusal`] said.
    TooMany,
}

/// What a worker writes between two steps.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    /// Answers, sealed, with their place in the order of the run.
    pub done: Vec<(StepAddress, Vec<u8>, u64)>,
    /// Answers from outside that the run has taken in.
    pub adopted: Vec<(StepAddress, u64)>,
    /// Effects that begin as soon as this is stored, with the number of the attempt.
    pub started: Vec<(StepAddress, u32)>,
    /// Steps that wait: attempts so far, and when the wait ends by itself.
    pub waiting: Vec<(StepAddress, u32, Option<Timestamp>)>,
    pub usage: Vec<TokenUsage>,
    pub questions: Vec<NewApproval>,
    /// Questions that nobody answered in time.
    pub expired: Vec<StepAddress>,
    pub children: Vec<NewRun>,
    pub events: Vec<NewEvent>,
    /// What guardrails and policies found.
    pub violations: Vec<Violation>,
}

impl Checkpoint {
    /// There is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
            && self.adopted.is_empty()
            && self.started.is_empty()
            && self.waiting.is_empty()
            && self.usage.is_empty()
            && self.questions.is_empty()
            && self.expired.is_empty()
            && self.children.is_empty()
            && self.events.is_empty()
            && self.violations.is_empty()
    }

    async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        for (address, answer, ordinal) in &self.done {
            step::done(tx, address, answer, Some(*ordinal), now).await?;
        }
        for (address, ordinal) in &self.adopted {
            step::adopted(tx, address, *ordinal).await?;
        }
        for (address, attempts) in &self.started {
            step::started(tx, address, *attempts, now).await?;
        }
        for (address, attempts, due_at) in &self.waiting {
            step::waiting(tx, address, *attempts, *due_at, now).await?;
        }
        for call in &self.usage {
            token_usage::record(tx, call).await?;
        }
        for question in &self.questions {
            approval::ask(tx, question).await?;
        }
        for address in &self.expired {
            approval::expire(tx, address, now).await?;
        }
        for child in &self.children {
            row::insert(tx, child).await?;
        }
        for event in &self.events {
            tx.event(event.clone());
        }
        tx.effects.violations.extend(self.violations.iter().cloned());
        Ok(())
    }
}

/// What became of parking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parked {
    Parked,
    /// Somebody has answered a step or asked for the run's end meanwhile: it is still this worker's.
    NotYet(Beat),
    /// The lease was lost; nothing was written.
    Lost,
}

impl Store {
    /// Stores a new run.
    pub async fn start_run(&self, start: StartRun, effects: Effects) -> Result<StartedAs> {
        self.write(Effects::none(), (start, effects), |(start, effects), tx| Box::pin(begin(start, effects, tx))).await
    }

    /// Takes due runs for a worker.
    pub async fn claim_runs(
        &self,
        permit: SystemPermit,
        owner: LeaseId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>> {
        self.write(Effects::none(), (), move |(), tx| {
            Box::pin(async move { claim::claim(tx, &permit, owner, now, until, limit).await })
        })
        .await
    }

    /// Extends every lease of `owner` and says what is asked of its runs.
    pub async fn heartbeat(&self, owner: LeaseId, until: Timestamp) -> Result<Vec<Beat>> {
        self.write(Effects::none(), (), move |(), tx| Box::pin(lease::heartbeat(tx, owner, until))).await
    }

    /// Lets go of everything that `owner` holds.
    pub async fn release_runs(&self, owner: LeaseId, now: Timestamp) -> Result<u64> {
        self.write(Effects::none(), (), move |(), tx| Box::pin(lease::release_all(tx, owner, now))).await
    }

    /// Hands one run back, to be claimed from `due_at` on.
    pub async fn release_run(&self, lease: RunLease, due_at: Timestamp) -> Result<()> {
        self.write(Effects::none(), (), move |(), tx| Box::pin(async move { lease::release(tx, &lease, due_at).await }))
            .await
    }

    /// Writes between two steps; `None`: the lease is lost and nothing was written.
    pub async fn checkpoint(
        &self,
        lease: RunLease,
        now: Timestamp,
        until: Timestamp,
        checkpoint: Arc<Checkpoint>,
    ) -> Result<Option<Beat>> {
        self.write(Effects::none(), checkpoint, move |checkpoint, tx| {
            Box::pin(async move {
                let beat = lease::fence(tx, &lease, until, !checkpoint.done.is_empty()).await?;
                if beat.is_some() {
                    checkpoint.write(tx, now).await?;
                }
                Ok(beat)
            })
        })
        .await
    }

    /// Writes, and lets go of the run until something wakes it.
    pub async fn park_run(
        &self,
        lease: RunLease,
        now: Timestamp,
        until: Timestamp,
        checkpoint: Arc<Checkpoint>,
        parking: Parking,
    ) -> Result<Parked> {
        self.write(Effects::none(), (checkpoint, parking), move |(checkpoint, parking), tx| {
            Box::pin(async move {
                let Some(beat) = lease::fence(tx, &lease, until, true).await? else { return Ok(Parked::Lost) };
                checkpoint.write(tx, now).await?;
                let news =
                    parking.status == RunStatus::Waiting && (beat.wish.is_some() || step::news(tx, lease.run).await?);
                if news || !ending::park(tx, &lease, parking).await? {
                    return Ok(Parked::NotYet(beat));
                }
                Ok(Parked::Parked)
            })
        })
        .await
    }

    /// Ends a run; `false`: the lease was lost and nothing was written.
    pub async fn end_run(
        &self,
        lease: RunLease,
        ending: Ending,
        checkpoint: Arc<Checkpoint>,
        effects: Effects,
    ) -> Result<bool> {
        self.write(Effects::none(), (ending, checkpoint, effects), move |(ending, checkpoint, effects), tx| {
            Box::pin(async move {
                if !checkpoint.expired.is_empty() {
                    if lease::fence(tx, &lease, ending.at, true).await?.is_none() {
                        return Ok(false);
                    }
                    for address in &checkpoint.expired {
                        approval::expire(tx, address, ending.at).await?;
                    }
                }
                if !ending::end(tx, &lease, ending).await? {
                    return Ok(false);
                }
                for call in &checkpoint.usage {
                    token_usage::record(tx, call).await?;
                }
                for event in &checkpoint.events {
                    tx.event(event.clone());
                }
                tx.tell(effects);
                tx.effects.violations.extend(checkpoint.violations.iter().cloned());
                Ok(true)
            })
        })
        .await
    }

    /// Moves a due schedule on and starts its run.
    pub async fn fire_schedule(
        &self,
        due: DueSchedule,
        next: Timestamp,
        start: Option<StartRun>,
        effects: Effects,
    ) -> Result<Fired> {
        self.write(Effects::none(), (due, start, effects), move |(due, start, effects), tx| {
            Box::pin(async move {
                if !schedule::advance(tx, due, next).await? {
                    return Ok(Fired::Elsewhere);
                }
                let Some(start) = start else {
                    tx.tell(effects);
                    return Ok(Fired::Here);
                };
                match begin(start, effects, tx).await? {
                    StartedAs::TooMany => Ok(Fired::TooMany),
                    _ => Ok(Fired::Here),
                }
            })
        })
        .await
    }

    /// How many runs of a workflow were made after `since`.
    pub async fn count_runs(&self, scope: Scope, workflow: WorkflowId, since: Timestamp) -> Result<u64> {
        let row = self.db().one(claim::MADE_SINCE, claim::made_since(workflow, scope.environment, since)).await?;
        row.get("n")
    }

    /// Schedules whose time has come.
    pub async fn due_schedules(&self, _permit: SystemPermit, now: Timestamp, limit: u32) -> Result<Vec<DueSchedule>> {
        let rows = self.db().all(schedule::DUE, binds![now, limit]).await?;
        rows.iter().map(DueSchedule::read).collect()
    }

    /// The principals, each in its scope, by whose rights runs live that nobody drives at the moment.
    pub async fn parked_principals(&self, _permit: SystemPermit) -> Result<Vec<(Principal, Scope)>> {
        let (mut found, mut last) = (Vec::new(), (String::new(), uuid::Uuid::nil(), String::new()));
        loop {
            let row = self.db().optional(wish::NEXT_PARKED, binds![&*last.0, last.1, &*last.2]).await?;
            let Some(row) = row else { return Ok(found) };
            let scope = Scope { team: row.get("team")?, environment: row.get("environment")? };
            found.push((row.json("principal")?, scope));
            last = (row.get("principal")?, scope.team.uuid(), scope.environment.as_str().to_owned());
        }
    }

    /// Asks for the end of those runs; returns how many.
    pub async fn end_parked(
        &self,
        _permit: SystemPermit,
        principal: Principal,
        scope: Scope,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<u64> {
        self.write(Effects::none(), to_json(&principal)?, move |principal, tx| {
            Box::pin(async move {
                tx.run(wish::END_PARKED, binds![&*principal, scope.team, scope.environment, reason, now]).await
            })
        })
        .await
    }

    /// Housekeeping: lets in whoever was forgotten in line, and forgets replies that nobody came for.
    pub async fn sweep_runs(&self, permit: SystemPermit, replies_before: Timestamp) -> Result<()> {
        self.write(Effects::none(), (), move |(), tx| {
            Box::pin(async move {
                claim::let_forgotten_in(tx, &permit, 1000).await?;
                ending::forget_replies(tx, &permit, replies_before).await?;
                Ok(())
            })
        })
        .await
    }

    /// Takes the sealed reply of a run of this scope that has ended: its wrapped key, and the reply. Both are forgotten.
    pub async fn take_reply(&self, run: RunId) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.write(Effects::none(), (), move |(), tx| Box::pin(ending::take_reply(tx, run))).await
    }

    /// The wrapped key of a run that has not ended.
    pub async fn sealed_run_key(&self, scope: Scope, run: RunId) -> Result<Option<Vec<u8>>> {
        let row = self
            .db()
            .optional(
                "select sealed_key from runs where id = $1 and team = $2 and environment = $3",
                binds![run, scope.team, scope.environment],
            )
            .await?;
        row.map_or(Ok(None), |row| row.get("sealed_key"))
    }

    /// When the next run or schedule is due by itself, for sleeping until then.
    pub async fn next_due(&self, _permit: SystemPermit) -> Result<Option<Timestamp>> {
        let row = self
            .db()
            .one(
                "select (select min(due_at) from runs where due_at is not null) as run, \
                 (select min(next_at) from schedules) as schedule",
                binds![],
            )
            .await?;
        let (run, schedule): (Option<Timestamp>, Option<Timestamp>) = (row.get("run")?, row.get("schedule")?);
        Ok(run.into_iter().chain(schedule).min())
    }
}

async fn begin(start: &StartRun, effects: &Effects, tx: &mut Tx) -> Result<StartedAs> {
    let new = &start.run;
    let environment = new.scope.environment;
    if let Some(rate) = &start.rate
        && let Some(told) = (rate.refusal)(claim::started_since(tx, new.workflow, environment, rate.since).await?)
    {
        tx.tell(&told);
        return Ok(StartedAs::TooMany);
    }
    tx.tell(effects);
    let limited = new.status == RunStatus::Running && new.max_concurrent.is_some();
    let room = match new.max_concurrent {
        Some(max) if limited => claim::has_room(tx, new.workflow, environment, max).await?,
        _ => true,
    };
    let inserted = if room {
        row::insert(tx, new).await?
    } else {
        let (status, lease, started_at) = (RunStatus::Queued, None, None);
        row::insert(tx, &NewRun { status, lease, started_at, due_at: Some(new.created_at), ..new.clone() }).await?
    };
    if let Inserted::Already(run) = inserted {
        return Ok(StartedAs::Already(run));
    }
    if room {
        for address in &start.begin {
            step::started(tx, address, 1, new.created_at).await?;
        }
    }
    for event in if room { &start.events } else { &start.queued } {
        tx.event(event.clone());
    }
    if room {
        tx.effects.violations.extend(start.violations.iter().cloned());
    }
    Ok(if room { StartedAs::Asked } else { StartedAs::InLine })
}
