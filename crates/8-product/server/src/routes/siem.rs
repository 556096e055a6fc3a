//! SIEM destinations (R232 to R239): secrets go in and never out.

use authz::action::ConfigureSiem;
use axum::{Json, http::StatusCode};
use domain::{DeadLetterId, Secret, SiemId};
use serde::Deserialize;
use serde_json::json;
use siem::{Secrets, Setup, Start, Status, Tried};
use store::{
    Effects,
    siem::{DeadLetter, SiemStream},
};

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

#[derive(Deserialize)]
pub struct Of {
    id: String,
}

#[derive(Deserialize)]
pub struct OfLetter {
    id: String,
    letter: String,
}

pub async fn list(request: Identified) -> Result<Json<api::Page<api::SiemDestination>>, Problem> {
    let permit = request.may::<ConfigureSiem>()?;
    let all = request.rooms.siem.list(&permit).await?;
    let items = all.into_iter().map(|status| shown(&request, status)).collect::<Result<_, _>>()?;
    Ok(Json(api::Page { items, next: None }))
}

pub async fn one(request: Identified, At(at): At<Of>) -> Result<Json<api::SiemDestination>, Problem> {
    let permit = request.may::<ConfigureSiem>()?;
    let status = request.rooms.siem.status(&permit, show::id(&at.id)?).await?;
    Ok(Json(shown(&request, status)?))
}

pub async fn create(
    request: Identified,
    Body(body): Body<api::SaveSiemDestination>,
) -> Result<(StatusCode, Json<api::NewSiemDestination>), Problem> {
    let start = match body.start.as_deref() {
        None | Some("now") => Start::Now,
        Some("beginning") => Start::Beginning,
        Some(_) => return Err(Problem::new(Kind::BadSiem).detail("start: expected now or beginning")),
    };
    let id = SiemId::new(request.arrived.at, rand::random());
    let (setup, secrets, detail) = asked(&request, body)?;
    let secret = request
        .audited(Operation::CreateSiem, Some(id.to_string()), detail, async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.create(&permit, id, setup, secrets, start, Effects::none()).await?)
        })
        .await?;
    let status = request.rooms.siem.status(&request.may::<ConfigureSiem>()?, id).await?;
    let secret = secret.map(|secret| secret.expose().clone());
    Ok((StatusCode::CREATED, Json(api::NewSiemDestination { destination: shown(&request, status)?, secret })))
}

pub async fn change(
    request: Identified,
    At(at): At<Of>,
    Body(body): Body<api::SaveSiemDestination>,
) -> Result<Json<api::SiemDestination>, Problem> {
    let id: SiemId = show::id(&at.id)?;
    let (setup, secrets, after) = asked(&request, body)?;
    let before = request.rooms.siem.status(&request.may::<ConfigureSiem>()?, id).await?.destination;
    let before = json!({ "name": before.name, "enabled": before.enabled, "settings": before.settings });
    let detail = json!({ "before": before, "after": after });
    request
        .audited(Operation::ChangeSiem, Some(id.to_string()), detail, async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.change(&permit, id, setup, secrets, Effects::none()).await?)
        })
        .await?;
    let status = request.rooms.siem.status(&request.may::<ConfigureSiem>()?, id).await?;
    Ok(Json(shown(&request, status)?))
}

pub async fn delete(request: Identified, At(at): At<Of>) -> Result<StatusCode, Problem> {
    let id: SiemId = show::id(&at.id)?;
    request
        .audited(Operation::DeleteSiem, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.delete(&permit, id, Effects::none()).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn test(request: Identified, At(at): At<Of>) -> Result<Json<api::SiemTest>, Problem> {
    let id: SiemId = show::id(&at.id)?;
    let tried = request
        .audited(Operation::TestSiem, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.test(&permit, id).await?)
        })
        .await?;
    Ok(Json(told(tried)))
}

pub async fn replay(
    request: Identified,
    At(at): At<Of>,
    Body(body): Body<api::ReplaySiem>,
) -> Result<Json<api::SiemDestination>, Problem> {
    let id: SiemId = show::id(&at.id)?;
    let stream = SiemStream::read(&body.stream)
        .ok_or_else(|| Problem::new(Kind::BadSiem).detail("stream: expected audit, security or checkpoints"))?;
    let detail = json!({ "stream": body.stream, "from": body.from });
    request
        .audited(Operation::ReplaySiem, Some(id.to_string()), detail, async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.replay(&permit, id, Some((stream, body.from)), Effects::none()).await?)
        })
        .await?;
    let status = request.rooms.siem.status(&request.may::<ConfigureSiem>()?, id).await?;
    Ok(Json(shown(&request, status)?))
}

pub async fn resume(request: Identified, At(at): At<Of>) -> Result<Json<api::SiemDestination>, Problem> {
    let id: SiemId = show::id(&at.id)?;
    request
        .audited(Operation::ResumeSiem, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.replay(&permit, id, None, Effects::none()).await?)
        })
        .await?;
    let status = request.rooms.siem.status(&request.may::<ConfigureSiem>()?, id).await?;
    Ok(Json(shown(&request, status)?))
}

pub async fn letters(
    request: Identified,
    At(at): At<Of>,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::SiemDeadLetter>>, Problem> {
    let permit = request.may::<ConfigureSiem>()?;
    let page = show::paging(asked.limit, asked.cursor)?;
    let letters = request.rooms.siem.dead_letters(&permit, show::id(&at.id)?, &page).await?;
    Ok(Json(show::page(letters, letter)))
}

pub async fn retry(request: Identified, At(at): At<OfLetter>) -> Result<Json<api::SiemTest>, Problem> {
    let (id, letter): (SiemId, DeadLetterId) = (show::id(&at.id)?, show::id(&at.letter)?);
    let detail = json!({ "destination": id });
    let tried = request
        .audited(Operation::RetryDeadLetter, Some(letter.to_string()), detail, async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.retry(&permit, id, letter).await?)
        })
        .await?;
    Ok(Json(told(tried)))
}

pub async fn give_up(request: Identified, At(at): At<OfLetter>) -> Result<StatusCode, Problem> {
    let (id, letter): (SiemId, DeadLetterId) = (show::id(&at.id)?, show::id(&at.letter)?);
    let detail = json!({ "destination": id });
    request
        .audited(Operation::GiveUpDeadLetter, Some(letter.to_string()), detail, async |rooms| {
            let permit = request.may::<ConfigureSiem>()?;
            Ok(rooms.siem.give_up(&permit, id, letter, Effects::none()).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was asked for, and what the trail says of it: secrets as keyed hashes.
fn asked(request: &Identified, body: api::SaveSiemDestination) -> Result<(Setup, Secrets, serde_json::Value), Problem> {
    let wrong = |error: serde_json::Error| Problem::new(Kind::BadSiem).detail(format!("to: {error}"));
    let to = serde_json::to_value(&body.to).map_err(wrong)?;
    let secrets: Vec<_> = body.secrets.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    let hashes: serde_json::Map<_, _> =
        secrets.iter().map(|(name, secret)| (name.clone(), request.rooms.recorder.fingerprint(secret))).collect();
    let detail = json!({ "name": body.name, "enabled": body.enabled, "to": to, "streams": body.streams,
        "batch": body.batch, "secrets": hashes });
    let streams = siem::Streams {
        audit: body.streams.audit,
        security: body.streams.security,
        checkpoints: body.streams.checkpoints,
    };
    let batch = siem::Batch { events: body.batch.events, bytes: body.batch.bytes };
    let setup = Setup {
        name: body.name,
        enabled: body.enabled,
        to: serde_json::from_value(to).map_err(wrong)?,
        streams,
        batch,
    };
    Ok((setup, Secrets::new(secrets), detail))
}

fn told(tried: Tried) -> api::SiemTest {
    api::SiemTest { delivered: tried.delivered, answer: tried.answer }
}

fn letter(letter: DeadLetter) -> api::SiemDeadLetter {
    api::SiemDeadLetter {
        id: letter.id.to_string(),
        stream: letter.stream.as_str().to_owned(),
        sequence: letter.seq,
        event: letter.event,
        reason: letter.reason,
        tries: letter.tries,
        at: letter.at.to_string(),
    }
}

#[derive(Deserialize)]
struct Kept {
    to: api::SiemTo,
    batch: api::SiemBatch,
}

fn shown(request: &Identified, status: Status) -> Result<api::SiemDestination, Problem> {
    let d = status.destination;
    let kept: Kept = serde_json::from_value(d.settings).map_err(Problem::internal)?;
    let now = request.arrived.at;
    Ok(api::SiemDestination {
        id: d.id.to_string(),
        name: d.name,
        enabled: d.enabled,
        to: kept.to,
        streams: api::SiemStreams { audit: d.wants.audit, security: d.wants.events, checkpoints: d.wants.checkpoints },
        batch: kept.batch,
        secrets: status.secrets,
        created_by: d.created_by,
        created_at: d.created_at.to_string(),
        updated_at: d.updated_at.to_string(),
        status: api::SiemStatus {
            state: d.state.as_str().to_owned(),
            reason: d.reason,
            since: d.state_since.to_string(),
            cursors: api::SiemNumbers {
                audit: d.cursors.audit,
                security: d.cursors.events,
                checkpoints: d.cursors.checkpoints,
            },
            behind: api::SiemNumbers {
                audit: status.behind.audit,
                security: status.behind.events,
                checkpoints: status.behind.checkpoints,
            },
            oldest_waiting_seconds: status.oldest_waiting.map(|at| now.since(at).as_secs()),
            attempts: d.attempts,
            retry_at: d.retry_at.map(|at| at.to_string()),
            last_error: d.last_error,
            last_error_at: d.last_error_at.map(|at| at.to_string()),
            last_delivered_at: d.last_delivered_at.map(|at| at.to_string()),
            delivered: d.delivered,
            retries: d.retries,
            dead_letters: d.dead,
        },
    })
}
