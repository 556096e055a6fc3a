//! The first start: the set-up link, the demo team with its agent, and a profile for the command line.

use authz::{
    Actor, Narrowing,
    action::{EditWorkflow, ManageTeam},
};
use domain::{Environment, Principal, Role, Scope, ServiceAccountId, TeamId, WorkflowId};
use identity::{KeyOwner, NewApiKey};
use recorder::Act;
use serde_json::json;
use store::{
    Effects,
    people::Team,
    workflows::{NewVersion, NewWorkflow},
};
use workflow::Definition;

use crate::{
    commands::Error,
    operation::Operation,
    request::nobody,
    rooms::{Rooms, stored_key},
    routes, start,
};

/// The demo's agent, as a workflow file.
const AGENT: &str = include_str!("demo/support-agent.json");

/// What a server does once it can serve: says how to become admin, and installs the demo when asked to.
///
/// # Errors
/// [`Error`].
pub async fn first_start(rooms: &Rooms) -> Result<(), Error> {
    // The profile is written last: while it is not there, whatever a crash left half done is done again.
    if rooms.config.demo.install && !profile(rooms).exists() {
        install(rooms).await?;
        println!("installed the team \"demo\" with the workflow \"support-agent\", published in production");
    }
    if let Some(link) = set_up_link(rooms).await? {
        println!("make the first admin here, within 24 hours: {link}");
    }
    Ok(())
}

/// A new set-up link; `None` when there is a user.
///
/// # Errors
/// [`Error`].
pub async fn set_up_link(rooms: &Rooms) -> Result<Option<String>, Error> {
    let token = rooms.identity.new_setup_token(rooms.clock.now()).await?;
    Ok(token.map(|token| format!("{}/setup?token={}", rooms.config.server.public_url, token.expose())))
}

pub fn profile(rooms: &Rooms) -> std::path::PathBuf {
    rooms.config.data.folder.join("cli.toml")
}

async fn install(rooms: &Rooms) -> Result<(), Error> {
    let now = rooms.clock.now();
    let system = authz::act_as_system("the first start installs the demo");
    let definition = Definition::from_bytes(AGENT.as_bytes(), &rooms.registry)
        .map_err(|error| Error::Start(format!("the demo workflow is not valid: {:?}", error.defects())))?;
    let id = match rooms.store.team_by_slug(system, "demo").await? {
        Some(team) => team.id,
        None => {
            let id = TeamId::new(now, rand::random());
            let team = Team { id, slug: "demo".to_owned(), name: "Demo".to_owned(), created_at: now };
            rooms.store.add_team(system, team, Effects::none()).await?;
            id
        }
    };

    // The team's first member is a service account: the command line's. It publishes the demo, and runs act for it.
    let account = ServiceAccountId::new(now, rand::random());
    let scope = Scope { team: id, environment: Environment::Production };
    let installer = Actor::new(Principal::System, scope, Role::Admin, Narrowing::default());
    let manage = installer.may::<ManageTeam>().map_err(|refused| Error::Start(refused.to_string()))?;
    let name = format!("command line {account}");
    rooms.store.add_service_account(&manage, account, name, Role::Admin, Effects::none()).await?;
    let key = NewApiKey {
        name: "command line".to_owned(),
        team: id,
        owner: KeyOwner::ServiceAccount(account),
        permissions: None,
        environments: None,
        addresses: Vec::new(),
        life: None,
    };
    let (value, record) = key.make(now);
    rooms.store.add_own_api_key(system, stored_key(&record), Effects::none()).await?;

    let principal = Principal::ServiceAccount { id: account, key: None };
    let actor = Actor::new(principal, scope, Role::Admin, Narrowing::default());
    let permit = actor.may::<EditWorkflow>().map_err(|refused| Error::Start(refused.to_string()))?;
    let known = rooms.store.workflow_id_by_name(system, id, &definition.name).await?;
    let workflow = known.unwrap_or_else(|| WorkflowId::new(now, rand::random()));
    let subject = domain::AuditSubject { principal, ..nobody(None) };
    let act = Act {
        scope: Some(scope),
        subject,
        request: None,
        operation: Operation::PublishWorkflow.name().to_owned(),
        target: Some(workflow.to_string()),
        detail: json!({ "installed": "demo" }),
    };
    let intent = rooms.recorder.intent(act).await?;
    let first =
        NewVersion { hash: definition.version().to_string(), definition: definition.to_json().to_string(), note: None };
    let new =
        NewWorkflow { id: workflow, name: definition.name.clone(), description: definition.description.clone(), first };
    if known.is_none() {
        rooms.store.add_workflow(&permit, new, Effects::none()).await?;
    }
    let with = routes::with(rooms, &definition, scope).map_err(|problem| Error::Start(problem.sentence()))?;
    rooms.store.publish(&permit, workflow, 1, with, Effects::none()).await?;
    intent.outcome(domain::AuditResult::Succeeded, json!({})).await?;

    // Last, so that whoever sees the profile sees a whole demo.
    let ca = rooms.config.data.folder.join("ca.pem");
    let ca = std::fs::canonicalize(&ca).unwrap_or(ca);
    let mut text = toml::Table::new();
    text.insert("url".to_owned(), rooms.config.server.public_url.clone().into());
    text.insert("ca_file".to_owned(), ca.display().to_string().into());
    text.insert("api_key".to_owned(), value.expose().clone().into());
    text.insert("team".to_owned(), id.to_string().into());
    start::write_private(&profile(rooms), &text.to_string())
}
