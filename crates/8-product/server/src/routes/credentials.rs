//! Credentials: in once, shown never.

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use axum::{Json, http::StatusCode};
use connections::{Connection, Revoked, Tested};
use domain::{CredentialId, Secret, Timestamp};
use serde::Deserialize;
use serde_json::json;
use store::Effects;
use vault::{CredentialChange, CredentialKind, CredentialRow, CredentialValue, NewCredential};

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::Rooms,
};

/// What stands where a value would: as many dots for every value.
const DOTS: &str = "••••••••";

pub(super) fn shown(row: CredentialRow, connection: Option<Connection>, now: Timestamp) -> api::Credential {
    let status = match &connection {
        Some(connection) => connection.status.as_str().to_owned(),
        None => row.status,
    };
    api::Credential {
        id: row.id.to_string(),
        name: row.name,
        kind: row.kind,
        hosts: row.hosts,
        status,
        masked: DOTS,
        version: row.version,
        provider: row.provider,
        created_by: row.created_by.to_string(),
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
        last_used_at: row.last_used_at.map(|at| at.to_string()),
        rotation_due: row.rotation_due_at.is_some_and(|at| at <= now),
        rotation_due_at: row.rotation_due_at.map(|at| at.to_string()),
        tested_at: row.tested_at.map(|at| at.to_string()),
        test_result: row.test_result,
        connection: connection.map(|connection| {
            let grant = connection.grant;
            api::ConnectionShown {
                provider: grant.provider,
                account: grant.account,
                requested_scopes: grant.requested,
                scopes: grant.scopes,
                expires_at: grant.expires_at.map(|at| at.to_string()),
                refresh_expires_at: grant.refresh_expires_at.map(|at| at.to_string()),
                refreshable: grant.refreshable,
                refreshed_at: grant.refreshed_at.to_string(),
                failures: grant.failures,
                reason: grant.reason,
                parameters: grant.parameters,
            }
        }),
    }
}

/// What the trail says of a credential: what a person decides about it, and its value, if one was given, as a keyed
/// hash. The hash of the value before stands in the entry that brought it.
fn state(shown: &api::Credential, given: Option<serde_json::Value>) -> serde_json::Value {
    let mut state = json!({
        "name": shown.name, "kind": shown.kind, "hosts": shown.hosts, "version": shown.version,
        "provider": shown.provider, "rotation_due_at": shown.rotation_due_at,
    });
    if let Some(given) = given {
        state["value"] = given;
    }
    state
}

/// One credential as it is now.
pub(super) async fn one(
    rooms: &Rooms,
    permit: &Permit<UseCredential>,
    id: CredentialId,
) -> Result<api::Credential, Problem> {
    let row = rooms.vault.credential(permit, id).await?;
    let connection = match rooms.connections.connection(permit, id).await {
        Ok(connection) => Some(connection),
        Err(connections::Error::NotAConnection) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(shown(row, connection, rooms.clock.now()))
}

pub async fn list(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::Credential>>, Problem> {
    let permit = request.may::<UseCredential>()?;
    let (after, limit) = show::before::<CredentialId>(asked.limit, asked.cursor)?;
    let mut rows = request.rooms.store.credentials(&permit).await?;
    if let Some(after) = after {
        let last = rows.iter().position(|row| row.id == after);
        let last =
            last.ok_or_else(|| Problem::new(Kind::BadParameter).detail("cursor: not one that this list gave"))?;
        rows.drain(..=last);
    }
    let mut connections = request.rooms.connections.connections(&permit).await?;
    let now = request.rooms.clock.now();
    let show = |row: CredentialRow| {
        let found = connections.iter().position(|connection| connection.credential == row.id);
        let connection = found.map(|at| connections.swap_remove(at));
        shown(row, connection, now)
    };
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(Json(api::Page { next, items: rows.into_iter().map(show).collect() }))
}

#[derive(Deserialize)]
pub struct OfCredential {
    id: String,
}

pub async fn show_one(request: Identified, At(at): At<OfCredential>) -> Result<Json<api::Credential>, Problem> {
    let permit = request.may::<UseCredential>()?;
    Ok(Json(one(&request.rooms, &permit, show::id(&at.id)?).await?))
}

fn refuse(text: &str) -> Problem {
    Problem::new(Kind::CredentialRefused).detail(text.to_owned())
}

/// A value out of a body: a text is the kind's main field.
fn value(kind: CredentialKind, given: serde_json::Value) -> Result<CredentialValue, Problem> {
    let fields = match given {
        serde_json::Value::String(text) => vec![(kind.fields()[0].0.to_owned(), Secret::new(text))],
        serde_json::Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => Ok((name, Secret::new(text))),
                _ => Err(refuse("value: every field is a text")),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(refuse("value: expected a text or an object of texts")),
    };
    Ok(CredentialValue::new(kind, fields)?)
}

fn time(text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).ok_or_else(|| refuse("rotation_due_at: expected a time such as 2026-11-21T20:00:00Z"))
}

pub async fn create(
    request: Identified,
    Body(body): Body<api::CreateCredential>,
) -> Result<(StatusCode, Json<api::Credential>), Problem> {
    let kind = CredentialKind::read(&body.kind)
        .ok_or_else(|| refuse("kind: expected oauth_token, api_key, database, service_account or custom_secret"))?;
    let given = body.value.clone();
    let value = value(kind, body.value)?;
    let id = CredentialId::new(request.arrived.at, rand::random());
    let rotation_due_at = body.rotation_due_at.as_deref().map(time).transpose()?;
    let new = NewCredential { id, name: body.name, hosts: body.hosts, value, rotation_due_at };
    let detail = json!({ "name": new.name, "kind": kind.as_str(), "hosts": new.hosts });
    let row = request
        .audited(Operation::CreateCredential, Some(id.to_string()), detail, async |rooms| {
            let permit = request.may::<ManageCredential>()?;
            let made =
                shown(rooms.vault.keep_credential(&permit, new, Effects::none()).await?, None, request.arrived.at);
            request.tell_change(&json!(null), &state(&made, Some(given)));
            Ok(made)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(row)))
}

pub async fn change(
    request: Identified,
    At(at): At<OfCredential>,
    Body(body): Body<api::ChangeCredential>,
) -> Result<Json<api::Credential>, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    let rotation_due_at = match body.rotation_due_at {
        None => None,
        Some(None) => Some(None),
        Some(Some(text)) => Some(Some(time(&text)?)),
    };
    let detail = json!({ "name": body.name, "hosts": body.hosts });
    let change = CredentialChange { name: body.name, hosts: body.hosts, rotation_due_at };
    let shown = request
        .audited(Operation::ChangeCredential, Some(id.to_string()), detail, async |rooms| {
            let (permit, reading) = (request.may::<ManageCredential>()?, request.may::<UseCredential>()?);
            let before = one(rooms, &reading, id).await?;
            rooms.vault.change_credential(&permit, &reading, id, change, Effects::none()).await?;
            let after = one(rooms, &reading, id).await?;
            request.tell_change(&state(&before, None), &state(&after, None));
            Ok(after)
        })
        .await?;
    Ok(Json(shown))
}

/// The next value; the one before is kept sealed and can be rolled back to.
pub async fn replace(
    request: Identified,
    At(at): At<OfCredential>,
    Body(body): Body<api::ReplaceCredential>,
) -> Result<Json<api::Credential>, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    let shown = request
        .audited(Operation::ReplaceCredential, Some(id.to_string()), json!({}), async |rooms| {
            let (permit, reading) = (request.may::<ManageCredential>()?, request.may::<UseCredential>()?);
            let row = rooms.vault.credential(&reading, id).await?;
            if row.provider.is_some() {
                return Err(refuse("a connection gets its value from its provider: connect it again"));
            }
            let kind = CredentialKind::read(&row.kind).ok_or_else(|| refuse("its kind is not known"))?;
            let before = one(rooms, &reading, id).await?;
            let given = body.value.clone();
            let next = value(kind, body.value)?;
            rooms.vault.replace_credential(&permit, &reading, id, &next, Effects::none()).await?;
            let after = one(rooms, &reading, id).await?;
            request.tell_change(&state(&before, None), &state(&after, Some(given)));
            Ok(after)
        })
        .await?;
    Ok(Json(shown))
}

pub async fn versions(
    request: Identified,
    At(at): At<OfCredential>,
) -> Result<Json<api::Page<api::CredentialVersion>>, Problem> {
    let permit = request.may::<UseCredential>()?;
    let versions = request.rooms.vault.credential_versions(&permit, show::id(&at.id)?).await?;
    let shown = versions.into_iter().map(|old| api::CredentialVersion {
        version: old.version,
        replaced_by: old.replaced_by,
        replaced_at: old.replaced_at.to_string(),
    });
    Ok(Json(api::Page { next: None, items: shown.collect() }))
}

pub async fn roll_back(
    request: Identified,
    At(at): At<OfCredential>,
    Body(body): Body<api::RollBackCredential>,
) -> Result<Json<api::Credential>, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    let detail = json!({ "version": body.version });
    let shown = request
        .audited(Operation::RollBackCredential, Some(id.to_string()), detail, async |rooms| {
            let (permit, reading) = (request.may::<ManageCredential>()?, request.may::<UseCredential>()?);
            let before = one(rooms, &reading, id).await?;
            rooms.vault.roll_back_credential(&permit, &reading, id, body.version, Effects::none()).await?;
            let after = one(rooms, &reading, id).await?;
            let mut told = state(&after, None);
            told["rolled_back_to"] = json!(body.version);
            request.tell_change(&state(&before, None), &told);
            Ok(after)
        })
        .await?;
    Ok(Json(shown))
}

/// One harmless call with it, or a connection to its database.
pub async fn test(
    request: Identified,
    At(at): At<OfCredential>,
    Body(body): Body<api::TestCredential>,
) -> Result<Json<api::CredentialTested>, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    let tested = request
        .audited(Operation::TestCredential, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<UseCredential>()?;
            let row = rooms.vault.credential(&permit, id).await?;
            if row.kind != CredentialKind::Database.as_str() {
                return Ok(rooms.connections.test(&permit, id, body.url.as_deref(), Effects::none()).await?);
            }
            let tested = database(rooms, &permit, id).await?;
            rooms.store.credential_tested(&permit, id, tested.sentence(), Effects::none()).await?;
            Ok(tested)
        })
        .await?;
    Ok(Json(api::CredentialTested {
        works: tested == Tested::Works,
        result: tested.sentence(),
        tested_at: request.rooms.clock.now().to_string(),
    }))
}

async fn database(rooms: &Rooms, permit: &Permit<UseCredential>, id: CredentialId) -> Result<Tested, Problem> {
    let named = id.to_string();
    let wanted = vault::Use { host: None };
    let lease = rooms.connections.lease(permit, vault::Named(&named), &wanted, rooms.clock.now()).await?;
    let sentence = |text: String| Tested::Unclear { why: lease.masker().text(&text).into_owned() };
    let dialect = match lease.value().main().expose().starts_with("sqlite:") {
        true => workflow::SqlDialect::Sqlite,
        false => workflow::SqlDialect::Postgres,
    };
    let database = match engine::effects::database(&lease, dialect) {
        Ok(database) => database,
        Err(failure) => return Ok(sentence(failure.message)),
    };
    let query = customer_sql::Query {
        sql: "SELECT 1".to_owned(),
        parameters: Vec::new(),
        scope: customer_sql::Scope::ReadOnly,
        limits: customer_sql::Limits { timeout: std::time::Duration::from_secs(20), ..Default::default() },
    };
    Ok(match rooms.customer_sql.query(&database, &query).await {
        Ok(_) => Tested::Works,
        Err(error) => sentence(error.to_string()),
    })
}

/// R099: who deleted which stands in the audit trail. A connection's token is given back to its provider first.
pub async fn delete(request: Identified, At(at): At<OfCredential>) -> Result<Json<api::CredentialDeleted>, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    let revoked = request
        .audited(Operation::DeleteCredential, Some(id.to_string()), json!({}), async |rooms| {
            let (permit, reading) = (request.may::<ManageCredential>()?, request.may::<UseCredential>()?);
            let before = one(rooms, &reading, id).await?;
            let revoked = rooms.connections.delete(&permit, &reading, id, Effects::none()).await?;
            request.tell_change(&state(&before, None), &json!(null));
            Ok(revoked)
        })
        .await?;
    let (revoked, note) = match revoked {
        Revoked::Yes => ("yes", None),
        Revoked::Nothing => ("nothing", None),
        Revoked::ByHand(how) => ("by_hand", Some(how.to_owned())),
        Revoked::No(why) => ("no", Some(why)),
    };
    Ok(Json(api::CredentialDeleted { revoked, note }))
}
