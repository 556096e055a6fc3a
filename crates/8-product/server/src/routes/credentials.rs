//! Credentials: in once, shown never.

use authz::action::{ManageCredential, UseCredential};
use axum::{Json, http::StatusCode};
use domain::{CredentialId, Secret};
use serde::Deserialize;
use serde_json::json;
use store::Effects;
use vault::{CredentialKind, CredentialRow, CredentialValue, NewCredential};

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

fn shown(row: CredentialRow) -> api::Credential {
    api::Credential {
        id: row.id.to_string(),
        name: row.name,
        kind: row.kind,
        hosts: row.hosts,
        status: row.status,
        created_by: row.created_by.to_string(),
        created_at: row.created_at.to_string(),
        last_used_at: row.last_used_at.map(|at| at.to_string()),
    }
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
    Ok(Json(show::part(rows, limit, |row| row.id.to_string(), shown)))
}

pub async fn create(
    request: Identified,
    Body(body): Body<api::CreateCredential>,
) -> Result<(StatusCode, Json<api::Credential>), Problem> {
    let refuse = |text: &str| Problem::new(Kind::CredentialRefused).detail(text.to_owned());
    let kind = CredentialKind::read(&body.kind)
        .ok_or_else(|| refuse("kind: expected oauth_token, api_key, database, service_account or custom_secret"))?;
    let fields = match body.value {
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
    let value = CredentialValue::new(kind, fields)?;
    let id = CredentialId::new(request.arrived.at, rand::random());
    let new = NewCredential { id, name: body.name, hosts: body.hosts, value };
    let detail = json!({ "name": new.name, "kind": kind.as_str(), "hosts": new.hosts });
    let row = request
        .audited(Operation::CreateCredential, Some(id.to_string()), detail, async |rooms| {
            let permit = request.may::<ManageCredential>()?;
            Ok(rooms.vault.keep_credential(&permit, new, Effects::none()).await?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(shown(row))))
}

#[derive(Deserialize)]
pub struct OfCredential {
    id: String,
}

/// R099: who deleted which stands in the audit trail.
pub async fn delete(request: Identified, At(at): At<OfCredential>) -> Result<StatusCode, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    request
        .audited(Operation::DeleteCredential, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageCredential>()?;
            Ok(rooms.vault.delete_credential(&permit, id, Effects::none()).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
