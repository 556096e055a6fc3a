//! What a team sets for its guardrails in one environment. Everything is read as `guardrails` will read it before it is
//! stored, so that nothing is kept that would not be obeyed.

use std::time::Duration;

use authz::action::{ManageGuardrail, ViewWorkflow};
use axum::{Json, http::StatusCode};
use domain::{RunId, Scope, Timestamp};
use engine::ports::Entropy;
use guardrails::TeamRules;
use serde_json::json;
use store::{Effects, GuardrailException, GuardrailReference};

use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    routes::show,
};

/// The longest time for which something is allowed; longer is a change of the rules.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// References that are added in one request.
const AT_ONCE: usize = 200;

fn refused(errors: Vec<guardrails::ConfigError>) -> Problem {
    let defect = |e: &guardrails::ConfigError| api::Defect {
        path: e.path.clone(),
        code: e.code.to_owned(),
        message: e.message.clone(),
    };
    Problem::new(Kind::BadGuardrail).with("errors", errors.iter().map(defect).collect::<Vec<_>>())
}

fn new_id(request: &Identified) -> uuid::Uuid {
    RunId::new(request.arrived.at, Entropy::of_the_system().bytes()).uuid()
}

fn scope(request: &Identified) -> Result<Scope, Problem> {
    Ok(request.actor()?.scope())
}

fn id(text: &str) -> Result<uuid::Uuid, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound))
}

/// The part of `rows` that was asked for; they stand in the order of their ids.
fn part<T, U>(
    mut rows: Vec<T>,
    asked: show::Paging,
    id_of: impl Fn(&T) -> uuid::Uuid,
    show: impl Fn(T) -> U,
) -> Result<Json<api::Page<U>>, Problem> {
    let (after, limit) = show::before::<uuid::Uuid>(asked.limit, asked.cursor)?;
    rows.retain(|row| after.is_none_or(|after| id_of(row) > after));
    Ok(Json(show::part(rows, limit, |row| id_of(row).simple().to_string(), show)))
}

pub async fn settings(request: Identified) -> Result<Json<api::GuardrailSettings>, Problem> {
    request.may::<ViewWorkflow>()?;
    let system = authz::act_as_system("a team is shown its own guardrail settings");
    let (stored, ..) = request.rooms.store.guardrails_of(system, scope(&request)?).await?;
    let thresholds = stored.and_then(|mut value| value.get_mut("thresholds").map(domain::Json::take));
    Ok(Json(api::GuardrailSettings { thresholds: thresholds.unwrap_or_else(|| json!({})) }))
}

pub async fn set(
    request: Identified,
    Body(body): Body<api::GuardrailSettings>,
) -> Result<Json<api::GuardrailSettings>, Problem> {
    let value = json!({ "thresholds": body.thresholds });
    TeamRules::parse(&value).map_err(refused)?;
    let scope = scope(&request)?;
    request
        .audited(Operation::SetGuardrails, None, value.clone(), async |rooms| {
            let permit = request.may::<ManageGuardrail>()?;
            rooms.store.set_guardrail_settings(&permit, value.clone(), Effects::none()).await?;
            rooms.guardrails.forget(scope);
            Ok(Json(body))
        })
        .await
}

fn shown(one: GuardrailException) -> api::GuardrailException {
    api::GuardrailException {
        id: one.id.simple().to_string(),
        check: one.kind,
        matcher: one.matcher,
        owner: one.owner,
        reason: one.reason,
        expires_at: one.expires_at.to_string(),
        created_by: one.created_by.to_string(),
        created_at: one.created_at.to_string(),
    }
}

pub async fn exceptions(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::GuardrailException>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let rows = request.rooms.store.guardrail_exceptions(&permit).await?;
    part(rows, asked, |row| row.id, shown)
}

pub async fn add_exception(
    request: Identified,
    Body(body): Body<api::PutGuardrailException>,
) -> Result<(StatusCode, Json<api::GuardrailException>), Problem> {
    let id = new_id(&request);
    Ok((StatusCode::CREATED, put(request, id, body, false).await?))
}

pub async fn change_exception(
    request: Identified,
    At((_, _, which)): At<(String, String, String)>,
    Body(body): Body<api::PutGuardrailException>,
) -> Result<Json<api::GuardrailException>, Problem> {
    let id = id(&which)?;
    put(request, id, body, true).await
}

async fn put(
    request: Identified,
    id: uuid::Uuid,
    body: api::PutGuardrailException,
    exists: bool,
) -> Result<Json<api::GuardrailException>, Problem> {
    let wrong = |text: &str| Problem::new(Kind::BadGuardrail).detail(text.to_owned());
    let now = request.arrived.at;
    let expires_at = Timestamp::parse(&body.expires_at)
        .ok_or_else(|| wrong("expires_at: expected a time such as 2027-01-31T00:00:00Z"))?;
    if expires_at <= now || expires_at > now + LONGEST {
        return Err(wrong("expires_at: expected a time within the next 366 days"));
    }
    for (name, text) in [("owner", &body.owner), ("reason", &body.reason)] {
        if text.trim().is_empty() || text.len() > 500 {
            return Err(wrong(&format!("{name}: expected 1 to 500 bytes")));
        }
    }
    let mut matcher = json!({});
    for (name, value) in [
        ("text", body.text.map(|t| json!(t))),
        ("pattern", body.pattern.map(|t| json!(t))),
        ("families", body.families.map(|f| json!(f))),
    ] {
        if let Some(value) = value {
            matcher[name] = value;
        }
    }
    if matcher.to_string().len() > 8 * 1024 {
        return Err(wrong("text, pattern and families together: at most 8 KiB"));
    }
    let mut read = matcher.clone();
    read["check"] = json!(body.check);
    read["owner"] = json!(body.owner);
    read["expires"] = json!(expires_at.to_string());
    TeamRules::parse(&json!({ "exceptions": [read] })).map_err(refused)?;
    let created_by = request.caller.principal();
    let new = GuardrailException {
        id,
        kind: body.check,
        matcher,
        owner: body.owner,
        reason: body.reason,
        expires_at,
        created_by,
        created_at: now,
    };
    let scope = scope(&request)?;
    // What is excepted may quote what was found: the trail names the exception and who answers for it.
    let detail = json!({ "check": new.kind, "owner": new.owner, "expires_at": new.expires_at.to_string() });
    request
        .audited(Operation::PutException, Some(id.simple().to_string()), detail, async |rooms| {
            let permit = request.may::<ManageGuardrail>()?;
            if exists {
                let known = rooms.store.guardrail_exceptions(&request.may::<ViewWorkflow>()?).await?;
                known.iter().find(|known| known.id == id).ok_or(Kind::NotFound)?;
            }
            rooms.store.put_guardrail_exception(&permit, new.clone(), Effects::none()).await?;
            rooms.guardrails.forget(scope);
            Ok(Json(shown(new)))
        })
        .await
}

pub async fn delete_exception(
    request: Identified,
    At((_, _, which)): At<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let id = id(&which)?;
    let scope = scope(&request)?;
    request
        .audited(Operation::DeleteException, Some(id.simple().to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageGuardrail>()?;
            rooms.store.delete_guardrail_exception(&permit, id, Effects::none()).await?;
            rooms.guardrails.forget(scope);
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

fn reference(one: GuardrailReference) -> api::GuardrailReference {
    api::GuardrailReference {
        id: one.id.simple().to_string(),
        kind: one.kind,
        category: Some(one.category).filter(|category| !category.is_empty()),
        text: one.content,
        created_by: one.created_by.to_string(),
        created_at: one.created_at.to_string(),
    }
}

pub async fn references(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::GuardrailReference>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let rows = request.rooms.store.guardrail_references(&permit).await?;
    part(rows, asked, |row| row.id, reference)
}

pub async fn add_references(
    request: Identified,
    Body(body): Body<api::AddGuardrailReferences>,
) -> Result<(StatusCode, Json<api::Page<api::GuardrailReference>>), Problem> {
    let wrong = |text: &str| Problem::new(Kind::BadGuardrail).detail(text.to_owned());
    let category = match (body.kind.as_str(), body.category) {
        ("safe", None) => String::new(),
        ("attack", Some(category)) => category,
        ("attack", None) => "custom".to_owned(),
        _ => return Err(wrong("kind: expected safe, or attack with a category")),
    };
    if body.texts.is_empty() || body.texts.len() > AT_ONCE {
        return Err(wrong("texts: expected 1 to 200"));
    }
    let set = match body.kind.as_str() {
        "safe" => json!({ "safe": body.texts }),
        _ => json!({ "attacks": { category.as_str(): body.texts } }),
    };
    TeamRules::parse(&json!({ "references": set })).map_err(refused)?;
    let created_by = request.caller.principal();
    let new: Vec<GuardrailReference> = body
        .texts
        .into_iter()
        .map(|content| GuardrailReference {
            id: new_id(&request),
            kind: body.kind.clone(),
            category: category.clone(),
            content,
            created_by,
            created_at: request.arrived.at,
        })
        .collect();
    let scope = scope(&request)?;
    let detail = json!({ "kind": body.kind, "category": category, "count": new.len() });
    request
        .audited(Operation::AddReferences, None, detail, async |rooms| {
            let permit = request.may::<ManageGuardrail>()?;
            rooms.store.add_guardrail_references(&permit, new.clone(), Effects::none()).await?;
            rooms.guardrails.forget(scope);
            let items = new.into_iter().map(reference).collect();
            Ok((StatusCode::CREATED, Json(api::Page { items, next: None })))
        })
        .await
}

pub async fn delete_reference(
    request: Identified,
    At((_, _, which)): At<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let id = id(&which)?;
    let scope = scope(&request)?;
    request
        .audited(Operation::DeleteReference, Some(id.simple().to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageGuardrail>()?;
            rooms.store.delete_guardrail_reference(&permit, id, Effects::none()).await?;
            rooms.guardrails.forget(scope);
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}
