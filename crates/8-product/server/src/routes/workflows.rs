//! Workflows: save, look at, put into service.

use std::{collections::BTreeMap, sync::Arc};

use authz::action::{DeleteWorkflow, EditWorkflow, Promote, ViewWorkflow};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Environment, Scope, WebhookId, WorkflowId};
use nodes::{schedule::Schedule, webhook::Settings};
use serde::Deserialize;
use serde_json::json;
use store::{
    Effects, PageRequest,
    runs::NewSchedule,
    workflows::{NewVersion, NewWebhook, NewWorkflow, Publish, Version},
};
use workflow::{Definition, NodeType};

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::{Rooms, hook_address},
};

#[derive(Deserialize)]
pub struct OfWorkflow {
    id: String,
}

#[derive(Deserialize)]
pub struct OfVersion {
    id: String,
    version: String,
}

pub async fn node_types(request: Identified) -> Json<domain::Json> {
    let types: Vec<_> =
        request.rooms.registry.schemas().map(|(kind, schema)| json!({ "type": kind, "parameters": schema })).collect();
    Json(json!({ "items": types }))
}

fn read(rooms: &Rooms, body: api::SaveWorkflow) -> Result<Definition, Problem> {
    let mut document = body.definition;
    if let (Some(name), Some(object)) = (body.name, document.as_object_mut()) {
        object.entry("name").or_insert_with(|| name.into());
    }
    Ok(Definition::parse(&document, &rooms.registry)?)
}

fn new_version(definition: &Definition) -> NewVersion {
    NewVersion { hash: definition.version().to_string(), definition: definition.to_json().to_string(), note: None }
}

/// The workflow as it stands on the wire.
async fn shown(request: &Identified, id: WorkflowId) -> Result<api::Workflow, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let store = &request.rooms.store;
    let workflow = store.workflow(&permit, id).await?.ok_or(Kind::NotFound)?;
    let versions = store.versions(&permit, id, &PageRequest::first(1)).await?;
    let mut published = BTreeMap::new();
    for publication in store.publications(&permit, id).await? {
        if publication.ended_at.is_none() {
            let version = store.version(&permit, id, publication.version).await?.ok_or(Kind::NotFound)?;
            published.insert(publication.environment.to_string(), version.shown.hash);
        }
    }
    let slug = request.rooms.slug_of(permit.scope().team).await?;
    let url = &request.rooms.config.server.public_url;
    let environment = permit.scope().environment;
    let prefix = hook_address(permit.scope(), "");
    let webhooks = store.webhooks(&permit, id).await?.into_iter().filter(|hook| hook.active);
    Ok(api::Workflow {
        id: workflow.id.to_string(),
        name: workflow.name,
        created_at: workflow.created_at.to_string(),
        created_by: workflow.created_by.to_string(),
        latest_version: versions.items.first().map(|version| version.hash.clone()).unwrap_or_default(),
        published,
        webhooks: webhooks
            .map(|hook| format!("{url}/hooks/{slug}/{environment}/{}", hook.path.trim_start_matches(&prefix)))
            .collect(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    limit: Option<u32>,
    cursor: Option<String>,
    name: Option<String>,
}

pub async fn list(request: Identified, Asked(asked): Asked<Filter>) -> Result<Json<api::Page<api::Workflow>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let store = &request.rooms.store;
    let (ids, next) = match asked.name {
        Some(name) => (store.workflow_named(&permit, &name).await?.into_iter().map(|w| w.id).collect::<Vec<_>>(), None),
        None => {
            let page = store.workflows(&permit, &show::paging(asked.limit, asked.cursor)?).await?;
            (page.items.iter().map(|w| w.id).collect(), page.next)
        }
    };
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(shown(&request, id).await?);
    }
    Ok(Json(api::Page { items, next: next.map(|next| next.as_str().to_owned()) }))
}

pub async fn validate(
    request: Identified,
    Body(body): Body<api::SaveWorkflow>,
) -> Result<Json<api::Validation>, Problem> {
    request.may::<ViewWorkflow>()?;
    let mut document = body.definition;
    if let (Some(name), Some(object)) = (body.name, document.as_object_mut()) {
        object.entry("name").or_insert_with(|| name.into());
    }
    Ok(Json(match Definition::parse(&document, &request.rooms.registry) {
        Ok(definition) => {
            api::Validation { valid: true, errors: Vec::new(), version: Some(definition.version().to_string()) }
        }
        Err(error) => {
            let errors = error.defects().iter().map(|d| api::Defect {
                path: d.path.clone(),
                code: d.code.to_string(),
                message: d.message.clone(),
            });
            api::Validation { valid: false, errors: errors.collect(), version: None }
        }
    }))
}

pub async fn create(
    request: Identified,
    Body(body): Body<api::SaveWorkflow>,
) -> Result<(StatusCode, Json<api::Workflow>), Problem> {
    let id = WorkflowId::new(request.arrived.at, rand::random());
    request
        .audited(Operation::CreateWorkflow, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<EditWorkflow>()?;
            let definition = read(rooms, body)?;
            let new = NewWorkflow {
                id,
                name: definition.name.clone(),
                description: definition.description.clone(),
                first: new_version(&definition),
            };
            rooms.store.add_workflow(&permit, new, Effects::none()).await?;
            Ok(())
        })
        .await?;
    Ok((StatusCode::CREATED, Json(shown(&request, id).await?)))
}

/// What the audit trail says of a workflow before and after a change.
async fn state(request: &Identified, id: WorkflowId) -> domain::Json {
    let mut state = match shown(request, id).await {
        Ok(workflow) => json!(workflow),
        Err(_) => return json!(null),
    };
    if let Some(fields) = state.as_object_mut() {
        fields.remove("definition");
        fields.remove("updated_at");
    }
    state
}

pub async fn show(request: Identified, At(at): At<OfWorkflow>) -> Result<Json<api::Workflow>, Problem> {
    Ok(Json(shown(&request, show::id(&at.id)?).await?))
}

pub async fn save(
    request: Identified,
    At(at): At<OfWorkflow>,
    Body(body): Body<api::SaveWorkflow>,
) -> Result<Json<api::Workflow>, Problem> {
    let id: WorkflowId = show::id(&at.id)?;
    request
        .audited(Operation::SaveVersion, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<EditWorkflow>()?;
            let definition = read(rooms, body)?;
            let before = state(&request, id).await;
            rooms.store.add_version(&permit, id, new_version(&definition), Effects::none()).await?;
            request.tell_change(&before, &state(&request, id).await);
            Ok(())
        })
        .await?;
    Ok(Json(shown(&request, id).await?))
}

pub async fn delete(request: Identified, At(at): At<OfWorkflow>) -> Result<StatusCode, Problem> {
    let id: WorkflowId = show::id(&at.id)?;
    request
        .audited(Operation::DeleteWorkflow, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<DeleteWorkflow>()?;
            let publications = rooms.store.publications(&request.may::<ViewWorkflow>()?, id).await?;
            if let Some(active) = publications.iter().find(|publication| publication.ended_at.is_none()) {
                return Err(Problem::new(Kind::Conflict)
                    .detail(format!("it is published in {}: take it out of service first", active.environment)));
            }
            let before = state(&request, id).await;
            rooms.store.delete_workflow(&permit, id, Effects::none()).await?;
            request.tell_change(&before, &json!(null));
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn export(request: Identified, At(at): At<OfWorkflow>) -> Result<Response, Problem> {
    let id: WorkflowId = show::id(&at.id)?;
    let permit = request.may::<ViewWorkflow>()?;
    let workflow = request.rooms.store.workflow(&permit, id).await?.ok_or(Kind::NotFound)?;
    let version = request.rooms.store.version(&permit, id, workflow.latest).await?.ok_or(Kind::NotFound)?;
    let mut response = version.definition.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.json\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

pub async fn versions(
    request: Identified,
    At(at): At<OfWorkflow>,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::Version>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let (id, paging) = (show::id(&at.id)?, show::paging(asked.limit, asked.cursor)?);
    request.rooms.store.workflow(&permit, id).await?.ok_or(Kind::NotFound)?;
    let page = request.rooms.store.versions(&permit, id, &paging).await?;
    Ok(Json(show::page(page, |version| api::Version {
        version: version.hash,
        created_at: version.created_at.to_string(),
        created_by: version.created_by.to_string(),
        definition: None,
    })))
}

/// A version of a workflow of the team, by its hash.
async fn one_version(request: &Identified, id: WorkflowId, hash: &str) -> Result<Version, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    request.rooms.store.workflow(&permit, id).await?.ok_or(Kind::NotFound)?;
    let system = authz::act_as_system("the workflow was found in the caller's team a line above");
    Ok(request.rooms.store.version_by_hash(system, id, hash).await?.ok_or(Kind::NotFound)?)
}

fn definition(rooms: &Rooms, version: &Version) -> Result<Definition, Problem> {
    Definition::from_bytes(version.definition.as_bytes(), &rooms.registry).map_err(Problem::internal)
}

pub async fn version(request: Identified, At(at): At<OfVersion>) -> Result<Json<api::Version>, Problem> {
    let version = one_version(&request, show::id(&at.id)?, &at.version).await?;
    Ok(Json(api::Version {
        definition: Some(definition(&request.rooms, &version)?.to_json()),
        version: version.shown.hash,
        created_at: version.shown.created_at.to_string(),
        created_by: version.shown.created_by.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    from: String,
    to: String,
}

pub async fn diff(
    request: Identified,
    At(at): At<OfWorkflow>,
    Asked(asked): Asked<Between>,
) -> Result<Json<api::Difference>, Problem> {
    let id = show::id(&at.id)?;
    let old = definition(&request.rooms, &one_version(&request, id, &asked.from).await?)?;
    let new = definition(&request.rooms, &one_version(&request, id, &asked.to).await?)?;
    let difference = workflow::diff(&old, &new);
    Ok(Json(api::Difference { from: asked.from, to: asked.to, text: difference.to_text(), changes: json!(difference) }))
}

/// What goes into service besides the version: its webhooks and schedules.
pub fn with(rooms: &Rooms, definition: &Definition, scope: Scope) -> Result<Publish, Problem> {
    let now = rooms.clock.now();
    let mut publish = Publish::default();
    for node in &definition.graph.nodes {
        match node.kind {
            NodeType::Webhook => {
                let settings = Settings::parse(&node.parameters).map_err(Problem::internal)?;
                let id = WebhookId::new(now, rand::random());
                let path = if settings.path.trim_matches('/').is_empty() { id.to_string() } else { settings.path };
                publish.webhooks.push(NewWebhook {
                    id,
                    node: node.id.clone(),
                    path: hook_address(scope, &path),
                    credential: settings.signature.map(|signature| signature.credential),
                });
            }
            NodeType::Schedule => {
                let schedule = Schedule::parse(&node.parameters)
                    .map_err(|defect| Problem::new(Kind::InvalidWorkflow).detail(defect.message))?;
                if let Some(next_at) = schedule.next_after(now) {
                    publish.schedules.push(NewSchedule {
                        node: node.id.clone(),
                        parameters: node.parameters.clone(),
                        next_at,
                    });
                }
            }
            _ => {}
        }
    }
    Ok(publish)
}

pub async fn publish(
    request: Identified,
    At(at): At<OfWorkflow>,
    Body(body): Body<api::Publish>,
) -> Result<Json<api::Workflow>, Problem> {
    let id: WorkflowId = show::id(&at.id)?;
    request
        .audited(Operation::PublishWorkflow, Some(id.to_string()), json!({ "version": body.version }), async |rooms| {
            let permit = request.may::<EditWorkflow>()?;
            let view = request.may::<ViewWorkflow>()?;
            let version = match &body.version {
                Some(hash) => one_version(&request, id, hash).await?,
                None => {
                    let workflow = rooms.store.workflow(&view, id).await?.ok_or(Kind::NotFound)?;
                    rooms.store.version(&view, id, workflow.latest).await?.ok_or(Kind::NotFound)?
                }
            };
            let definition = Arc::new(definition(rooms, &version)?);
            let with = with(rooms, &definition, permit.scope())?;
            let before = state(&request, id).await;
            rooms.store.publish(&permit, id, version.shown.number, with, Effects::none()).await?;
            rooms.plans.forget();
            request.tell_change(&before, &state(&request, id).await);
            Ok(())
        })
        .await?;
    Ok(Json(shown(&request, id).await?))
}

pub async fn unpublish(request: Identified, At(at): At<OfWorkflow>) -> Result<Json<api::Workflow>, Problem> {
    let id: WorkflowId = show::id(&at.id)?;
    request
        .audited(Operation::UnpublishWorkflow, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<EditWorkflow>()?;
            let before = state(&request, id).await;
            rooms.store.unpublish(&permit, id, Effects::none()).await?;
            rooms.plans.forget();
            request.tell_change(&before, &state(&request, id).await);
            Ok(())
        })
        .await?;
    Ok(Json(shown(&request, id).await?))
}

/// R270: who took which version from where to where stands in the publication's record and in the audit trail.
pub async fn promote(
    request: Identified,
    At(at): At<OfWorkflow>,
    Body(body): Body<api::PromoteTo>,
) -> Result<Json<api::Workflow>, Problem> {
    let id: WorkflowId = show::id(&at.id)?;
    let from = request.actor()?.scope();
    let to: Environment = body.to.parse().map_err(|error: domain::scope::UnknownEnvironment| {
        Problem::new(Kind::BadParameter).detail(format!("to: {error}"))
    })?;
    let target = Scope { environment: to, ..from };
    request
        .audited(
            Operation::PromoteWorkflow,
            Some(id.to_string()),
            json!({ "from": from.environment, "to": to }),
            async |rooms| {
                request.may::<Promote>()?;
                if to == from.environment {
                    return Err(Problem::new(Kind::BadParameter).detail("to: it is published here already"));
                }
                rooms.store.workflow(&request.may::<ViewWorkflow>()?, id).await?.ok_or(Kind::NotFound)?;
                let there = request.caller.actor(target, request.arrived.at).await?.may::<Promote>()?;
                let (runnable, _) = rooms.plans.published_with_publisher(from, id).await?.ok_or(Kind::NotPublished)?;
                let with = with(rooms, runnable.plan.definition(), target)?;
                rooms.store.promote(&there, id, from.environment, with, Effects::none()).await?;
                rooms.plans.forget();
                Ok(())
            },
        )
        .await?;
    Ok(Json(shown(&request, id).await?))
}
