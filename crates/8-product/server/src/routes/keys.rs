//! API keys of people and of accounts for machines.

use std::time::Duration;

use authz::{Permission, action::ManageTeam};
use axum::{Json, http::StatusCode};
use domain::{ApiKeyId, Environment, Principal, ServiceAccountId};
use identity::{KeyOwner, NewApiKey};
use serde::Deserialize;
use serde_json::json;
use store::{Effects, people::ApiKeyShown};

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::stored_key,
};

const KEY_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 3600);
const MOST_ADDRESSES: usize = 64;

fn bad(text: impl Into<String>) -> Problem {
    Problem::new(Kind::BadParameter).detail(text)
}

fn shown(key: &ApiKeyShown) -> api::ApiKey {
    let when = |at: Option<domain::Timestamp>| at.map(|at| at.to_string());
    api::ApiKey {
        id: key.id.to_string(),
        name: key.name.clone(),
        prefix: key.prefix.clone(),
        owner: match key.owner {
            store::people::Member::User(id) => id.to_string(),
            store::people::Member::ServiceAccount(id) => id.to_string(),
        },
        permissions: key.permissions.as_ref().map(|all| all.iter().map(|one| one.name().to_owned()).collect()),
        environments: key.environments.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
        addresses: key.addresses.clone(),
        created_at: key.created_at.to_string(),
        expires_at: when(key.expires_at),
        revoked_at: when(key.revoked_at),
        last_used_at: when(key.last_used_at),
        last_used_from: key.last_used_from.clone(),
    }
}

pub async fn list(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::ApiKey>>, Problem> {
    let permit = request.may::<ManageTeam>()?;
    let page = request.rooms.store.api_keys(&permit, &show::paging(asked.limit, asked.cursor)?).await?;
    Ok(Json(show::page(page, |key| shown(&key))))
}

/// The key that asks, when it is one.
async fn bounds_of(request: &Identified) -> Result<Option<ApiKeyShown>, Problem> {
    let Some(id) = request.caller.api_key() else { return Ok(None) };
    let system = authz::act_as_system("a key that makes another hands on its own bounds");
    Ok(Some(request.rooms.store.api_key_by_id(system, id).await?.ok_or(Kind::NotSignedIn)?))
}

fn too_wide() -> Problem {
    Problem::new(Kind::Forbidden).detail("a key cannot make one that may more than itself")
}

/// What is wished, or else what the asking key has; never more than that.
fn within<T: Copy + PartialEq>(own: Option<&[T]>, wanted: Option<Vec<T>>) -> Result<Option<Vec<T>>, Problem> {
    match (own, wanted) {
        (Some(own), Some(wanted)) if !wanted.iter().all(|one| own.contains(one)) => Err(too_wide()),
        (Some(own), None) => Ok(Some(own.to_vec())),
        (_, wanted) => Ok(wanted),
    }
}

/// The same of address ranges, where one within another is within.
fn addresses_within(own: &[String], wanted: Option<Vec<String>>) -> Result<Vec<ipnet::IpNet>, Problem> {
    let own: Vec<ipnet::IpNet> =
        own.iter().map(|range| range.parse().map_err(Problem::internal)).collect::<Result<_, _>>()?;
    let wanted = wanted.unwrap_or_default();
    if wanted.len() > MOST_ADDRESSES {
        return Err(bad(format!("addresses: at most {MOST_ADDRESSES} ranges")));
    }
    let read = |text: &String| {
        let range = text.parse::<ipnet::IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(Into::into));
        range.map(|range| range.trunc()).map_err(|_| bad(format!("addresses: {text:?} is no range such as 10.0.0.0/8")))
    };
    let wanted: Vec<ipnet::IpNet> = wanted.iter().map(read).collect::<Result<_, _>>()?;
    if own.is_empty() {
        return Ok(wanted);
    }
    if wanted.is_empty() {
        return Ok(own);
    }
    let inside = |range: &ipnet::IpNet| own.iter().any(|wide| wide.contains(range));
    if wanted.iter().all(inside) { Ok(wanted) } else { Err(too_wide()) }
}

fn permissions(names: Vec<String>) -> Result<Vec<Permission>, Problem> {
    let read = |name: String| {
        let known = Permission::ALL.iter().find(|permission| permission.name() == name).copied();
        known.ok_or_else(|| bad(format!("permissions: there is no {name:?}")))
    };
    names.into_iter().map(read).collect()
}

fn environments(names: &[String]) -> Result<Vec<Environment>, Problem> {
    let read = |name: &String| {
        name.parse().map_err(|error: domain::scope::UnknownEnvironment| bad(format!("environments: {error}")))
    };
    names.iter().map(read).collect()
}

/// What the body asks for, within what the asking key may hand on.
async fn wanted(request: &Identified, owner: KeyOwner, body: api::CreateApiKey) -> Result<NewApiKey, Problem> {
    let days = body.expires_in_days.unwrap_or(KEY_DAYS);
    if !(1..=365).contains(&days) {
        return Err(bad("expires_in_days: expected 1 to 365"));
    }
    if body.name.trim().is_empty() || body.name.len() > 100 {
        return Err(bad("name: expected 1 to 100 characters"));
    }
    let bounds = bounds_of(request).await?;
    let own = bounds.as_ref();
    let asked = body.permissions.map(permissions).transpose()?;
    let places = body.environments.as_deref().map(environments).transpose()?;
    let new = NewApiKey {
        name: body.name,
        team: request.actor()?.scope().team,
        owner,
        permissions: within(own.and_then(|own| own.permissions.as_deref()), asked)?,
        environments: within(own.and_then(|own| own.environments.as_deref()), places)?,
        addresses: addresses_within(own.map_or(&[], |own| &own.addresses), body.addresses)?,
        life: Some(DAY * days),
    };
    // A key that may manage the team can do whatever an admin can: making one is as dangerous.
    if new.permissions.as_ref().is_none_or(|only| only.contains(&Permission::ManageTeam)) {
        request.proven()?;
    }
    Ok(new)
}

/// Entered as done to whom the key is for, or else to the key.
async fn keep(
    request: &Identified,
    of: Option<String>,
    new: NewApiKey,
) -> Result<(StatusCode, Json<api::NewApiKey>), Problem> {
    let (value, record) = new.make(request.arrived.at);
    let stored = stored_key(&record);
    let answer = api::NewApiKey { key: shown(&stored.shown), value: value.expose().clone() };
    let told = json!(answer);
    let key = record.id.to_string();
    let (detail, target) = (json!({ "name": record.name, "key": key }), of.unwrap_or(key));
    request
        .audited(Operation::CreateApiKey, Some(target), detail, async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            rooms.store.add_api_key(&permit, stored, Effects::none()).await?;
            request.tell_change(&json!(null), &told);
            Ok(())
        })
        .await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// A key of the caller's own: it never may more than its owner, nor than the key that makes it.
pub async fn create(
    request: Identified,
    Body(body): Body<api::CreateApiKey>,
) -> Result<(StatusCode, Json<api::NewApiKey>), Problem> {
    let owner = match request.caller.principal() {
        Principal::User { id } | Principal::ApiKey { owner: id, .. } => KeyOwner::User(id),
        Principal::ServiceAccount { id, .. } => KeyOwner::ServiceAccount(id),
        Principal::Trigger { .. } | Principal::System => return Err(Kind::Forbidden.into()),
    };
    let new = wanted(&request, owner, body).await?;
    keep(&request, None, new).await
}

#[derive(Deserialize)]
pub struct OfKey {
    id: String,
}

/// A key of an account for machines of this team.
pub async fn create_for_machine(
    request: Identified,
    At(at): At<OfKey>,
    Body(body): Body<api::CreateApiKey>,
) -> Result<(StatusCode, Json<api::NewApiKey>), Problem> {
    let id: ServiceAccountId = show::id(&at.id)?;
    let permit = request.may::<ManageTeam>()?;
    let known = request.rooms.store.service_accounts(&permit).await?;
    known.iter().find(|account| account.id == id && account.disabled_at.is_none()).ok_or(Kind::NotFound)?;
    let new = wanted(&request, KeyOwner::ServiceAccount(id), body).await?;
    keep(&request, Some(id.to_string()), new).await
}

pub async fn revoke(request: Identified, At(at): At<OfKey>) -> Result<StatusCode, Problem> {
    let id: ApiKeyId = show::id(&at.id)?;
    request
        .audited(Operation::RevokeApiKey, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let system = authz::act_as_system("the trail says what a key was before it was revoked");
            let before = rooms.store.api_key_by_id(system, id).await?;
            // a key of another team is no key here: the next line says so
            rooms.store.revoke_api_key(&permit, id, Effects::none()).await?;
            rooms.identity.forget_api_keys();
            let after = rooms.store.api_key_by_id(system, id).await?;
            let state = |key: Option<ApiKeyShown>| json!(key.as_ref().map(shown));
            request.tell_change(&state(before), &state(after));
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
