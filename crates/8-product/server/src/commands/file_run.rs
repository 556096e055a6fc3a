//! Runs a workflow file here: the whole product around it, on a database that is thrown away.

use std::time::Duration;

use authz::{
    Actor, Narrowing,
    action::{EditWorkflow, ExecuteWorkflow, ViewWorkflow},
};
use domain::{AuditResult, Environment, Json, Principal, Role, Scope, ServiceAccountId, TeamId, WorkflowId};
use engine::{
    Start, Started,
    ports::{StartOutcome, Versions as _},
};
use recorder::Act;
use serde_json::json;
use store::{
    Effects,
    people::Team,
    workflows::{NewVersion, NewWorkflow},
};
use workflow::Definition;

use crate::{
    Config,
    operation::Operation,
    request::{Together, nobody},
    start::{self, Role as ProcessRole},
};

use super::Error;

/// How long a run on the command line may take.
const LONGEST: Duration = Duration::from_secs(600);

/// The run's record, as the API shows it. Settings for models, sandbox and egress are the configuration's; database,
/// keys and audit trail are fresh and gone afterwards.
///
/// # Errors
/// [`Error`]: the run could not be started. A run that fails is no error here.
pub async fn run_file(mut config: Config, definition: Definition, input: Json) -> Result<Json, Error> {
    let folder = tempfile::tempdir().map_err(|source| Error::Folder { path: std::env::temp_dir(), source })?;
    config.data.folder = folder.path().to_owned();
    config.database.url = None;
    (config.keys.root, config.keys.root_file, config.keys.previous) = (None, None, Vec::new());
    config.engine.workers = config.engine.workers.max(4);
    let rooms = start::rooms(config, ProcessRole::Server).await?;
    let now = rooms.clock.now();
    let refused = |refused: authz::Refused| Error::Start(refused.to_string());
    let system = authz::act_as_system("a workflow file runs on a database of its own");

    let team = Team {
        id: TeamId::new(now, rand::random()),
        slug: "here".to_owned(),
        name: "Here".to_owned(),
        created_at: now,
    };
    let scope = Scope { team: team.id, environment: Environment::Development };
    rooms.store.add_team(system, team, Effects::none()).await?;
    let account = ServiceAccountId::new(now, rand::random());
    let manage = Actor::new(Principal::System, scope, Role::Admin, Narrowing::default()).may().map_err(refused)?;
    rooms.store.add_service_account(&manage, account, "command line".to_owned(), Role::Admin, Effects::none()).await?;
    let principal = Principal::ServiceAccount { id: account, key: None };
    let actor = Actor::new(principal, scope, Role::Admin, Narrowing::default());
    let workflow = WorkflowId::new(now, rand::random());
    let version = definition.version().to_string();
    let first = NewVersion { hash: version.clone(), definition: definition.to_json().to_string(), note: None };
    let new =
        NewWorkflow { id: workflow, name: definition.name.clone(), description: definition.description.clone(), first };
    rooms.store.add_workflow(&actor.may::<EditWorkflow>().map_err(refused)?, new, Effects::none()).await?;
    let plan = rooms
        .plans
        .plan(scope, workflow, &version)
        .await?
        .ok_or_else(|| Error::Start("the version is gone".to_owned()))?;

    let stop = rooms.shutdown.clone();
    let engine = rooms.engine.clone();
    let (worker, heartbeat, timers) = (engine.clone(), engine.clone(), engine);
    let loops = [
        tokio::spawn({
            let stop = stop.clone();
            async move { worker.run_worker(stop).await }
        }),
        tokio::spawn({
            let stop = stop.clone();
            async move { heartbeat.run_heartbeat(stop).await }
        }),
        tokio::spawn({
            let stop = stop.clone();
            async move { timers.run_timers(stop).await }
        }),
    ];
    let act = Act {
        scope: Some(scope),
        subject: domain::AuditSubject { principal, ..nobody(None) },
        request: None,
        operation: Operation::StartRun.name().to_owned(),
        target: Some(workflow.to_string()),
        detail: json!({}),
    };
    let together = Together::new(&rooms, act);
    let trigger_node = plan.triggers().next().map(|node| node.id.clone());
    let start = Start {
        runnable: engine::ports::Runnable { workflow, version, plan },
        input,
        trigger: "manual",
        trigger_node,
        idempotency: None,
        wants_reply: true,
    };
    let audit: engine::AuditOfStart =
        Box::new(move |outcome: &StartOutcome| together.drafts(AuditResult::Succeeded, json!({ "run": outcome.run })));
    let view = actor.may::<ViewWorkflow>().map_err(refused)?;
    let started = rooms.engine.start(&actor.may::<ExecuteWorkflow>().map_err(refused)?, start, audit).await?;
    let run = started.run();
    let finished = match started {
        Started::Finished(finished) => Some(finished),
        Started::Running(handle) | Started::Queued(handle) => rooms.engine.wait(&view, handle, LONGEST).await?,
        Started::Already(_) => None,
    };
    let record = rooms.store.run(&view, run).await?.ok_or_else(|| Error::Start("the run is gone".to_owned()))?;
    stop.cancel();
    for task in loops {
        let _ = task.await;
    }
    rooms.store.close().await;
    let mut shown = json!(crate::routes::shown_run(record));
    // Here the caller is the one who gave the input: the output is shown as it is, not as it would be stored.
    if let (Some(finished), Some(object)) = (finished, shown.as_object_mut()) {
        object.insert("output".to_owned(), finished.response.map(|r| r.body).or(finished.output).unwrap_or_default());
    }
    Ok(shown)
}
