//! The installation's own SIEM destinations, which get the system's chain: sign-ins, accounts, teams, keys, and whatever
//! else belongs to no team. Only whoever holds the machine makes them.

use std::path::PathBuf;

use authz::SystemPermit;
use domain::{AuditResult, SiemId};
use serde_json::json;
use siem::{Batch, Secrets, Setup, Start, Streams};
use store::{Effects, siem::SiemStream};

use super::Error;
use crate::{
    Config,
    operation::Operation,
    request::nobody,
    rooms::Rooms,
    start::{self, Role},
};

const SYSTEM: SystemPermit = authz::act_as_system("the operator configures the installation's SIEM destinations");

/// What to do.
#[derive(Debug, Clone)]
pub enum SiemAct {
    /// Make the destination that a file describes, in the words of `POST /siem`.
    Add(PathBuf),
    List,
    /// Send an event that says nothing but that it arrived.
    Test(String),
    /// Send a stream again from this number on.
    Replay(String, String, i64),
    /// Try at once what is held.
    Resume(String),
    Remove(String),
}

/// Does it, and prints what came of it.
///
/// # Errors
/// [`Error`].
pub async fn siem(config: Config, act: SiemAct) -> Result<(), Error> {
    let rooms = start::rooms(config, Role::Server).await?;
    let done = perform(&rooms, act).await;
    rooms.store.close().await;
    println!("{}", done?);
    Ok(())
}

async fn perform(rooms: &Rooms, act: SiemAct) -> Result<String, Error> {
    match act {
        SiemAct::Add(file) => {
            let text = std::fs::read_to_string(&file).map_err(|source| Error::Folder { path: file.clone(), source })?;
            let wanted: api::SaveSiemDestination =
                serde_json::from_str(&text).map_err(|error| Error::Start(format!("{}: {error}", file.display())))?;
            add(rooms, wanted).await
        }
        SiemAct::List => list(rooms).await,
        SiemAct::Test(name) => {
            let destination = rooms.siem.installed_as(SYSTEM, &name).await.map_err(told)?;
            let sending = async || rooms.siem.test_installed(&destination).await.map_err(told);
            let tried = audited(rooms, Operation::TestSiem, destination.id, json!({}), sending).await?;
            if tried.delivered { Ok("delivered".to_owned()) } else { Err(Error::Start(tried.answer)) }
        }
        SiemAct::Replay(name, stream, from) => {
            let id = rooms.siem.installed_as(SYSTEM, &name).await.map_err(told)?.id;
            let wrong = || Error::Start("expected audit or checkpoints, and a number from 1 on".to_owned());
            let place = SiemStream::read(&stream).filter(|stream| *stream != SiemStream::Security).ok_or_else(wrong)?;
            let detail = json!({ "stream": stream, "from": from });
            let moving = async || {
                rooms.siem.replay_installed(SYSTEM, id, Some((place, from)), Effects::none()).await.map_err(told)
            };
            audited(rooms, Operation::ReplaySiem, id, detail, moving).await?;
            Ok(format!("{name} is sent {stream} from {from} on"))
        }
        SiemAct::Resume(name) => {
            let id = rooms.siem.installed_as(SYSTEM, &name).await.map_err(told)?.id;
            let waking = async || rooms.siem.replay_installed(SYSTEM, id, None, Effects::none()).await.map_err(told);
            audited(rooms, Operation::ResumeSiem, id, json!({}), waking).await?;
            Ok(format!("{name} is tried again at once"))
        }
        SiemAct::Remove(name) => {
            let id = rooms.siem.installed_as(SYSTEM, &name).await.map_err(told)?.id;
            let removing = async || rooms.siem.uninstall(SYSTEM, id, Effects::none()).await.map_err(told);
            audited(rooms, Operation::DeleteSiem, id, json!({ "name": name }), removing).await?;
            Ok(format!("{name} is removed"))
        }
    }
}

async fn add(rooms: &Rooms, wanted: api::SaveSiemDestination) -> Result<String, Error> {
    let start = match wanted.start.as_deref() {
        None | Some("now") => Start::Now,
        Some("beginning") => Start::Beginning,
        Some(_) => return Err(Error::Start("start: expected now or beginning".to_owned())),
    };
    let wrong = |error: serde_json::Error| Error::Start(format!("to: {error}"));
    let to = serde_json::to_value(&wanted.to).map_err(wrong)?;
    let secrets: Vec<_> = wanted.secrets.into_iter().map(|(name, value)| (name, domain::Secret::new(value))).collect();
    let hashes: serde_json::Map<_, _> =
        secrets.iter().map(|(name, secret)| (name.clone(), rooms.recorder.fingerprint(secret))).collect();
    let detail = json!({ "name": wanted.name, "enabled": wanted.enabled, "to": to, "secrets": hashes });
    // events belong to teams, and are delivered to theirs
    let streams = Streams { audit: wanted.streams.audit, security: false, checkpoints: wanted.streams.checkpoints };
    let setup = Setup {
        name: wanted.name.clone(),
        enabled: wanted.enabled,
        to: serde_json::from_value(to).map_err(wrong)?,
        streams,
        batch: Batch { events: wanted.batch.events, bytes: wanted.batch.bytes },
    };
    let id = SiemId::new(rooms.clock.now(), rand::random());
    let secrets = Secrets::new(secrets);
    let making = async || rooms.siem.install(SYSTEM, id, setup, secrets, start, Effects::none()).await.map_err(told);
    let made = audited(rooms, Operation::CreateSiem, id, detail, making).await?;
    Ok(match made {
        Some(secret) => format!("{} is added; its signing secret, shown once: {}", wanted.name, secret.expose()),
        None => format!("{} is added", wanted.name),
    })
}

async fn list(rooms: &Rooms) -> Result<String, Error> {
    let all = rooms.siem.installed(SYSTEM).await.map_err(told)?;
    let line = |status: &siem::Status| {
        let d = &status.destination;
        let error = d.last_error.as_deref().map(|error| format!("; last error: {error}")).unwrap_or_default();
        format!(
            "{} ({}): {}, {} entries and {} checkpoints behind{error}",
            d.name,
            d.kind,
            d.state.as_str(),
            status.behind.audit,
            status.behind.checkpoints
        )
    };
    if all.is_empty() {
        return Ok("the installation has no SIEM destination".to_owned());
    }
    Ok(all.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// With its intent before and its outcome after, in the system's chain.
async fn audited<T>(
    rooms: &Rooms,
    operation: Operation,
    id: SiemId,
    detail: serde_json::Value,
    act: impl AsyncFnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let wanted = recorder::Act {
        scope: None,
        subject: nobody(None),
        request: None,
        operation: operation.name().to_owned(),
        target: Some(id.to_string()),
        detail,
    };
    let intent = rooms.recorder.intent(wanted).await?;
    let done = act().await;
    let result = if done.is_ok() { AuditResult::Succeeded } else { AuditResult::Failed };
    intent.outcome(result, json!({ "by": "command line" })).await?;
    done
}

fn told(error: siem::Error) -> Error {
    match error {
        siem::Error::NotFound => Error::Start("the installation has no SIEM destination of this name".to_owned()),
        siem::Error::Store(error) => Error::Store(error),
        error => Error::Start(error.to_string()),
    }
}
