//! Reading, proving, exporting, verifying and purging the audit trail. All of them are sensitive, so all of them leave
//! entries themselves.

use authz::action::{ExportData, PurgeData, ViewAudit};
use axum::{
    Json,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{AuditResult, Timestamp};
use recorder::{
    CosignError, EntryNamed, Erased, ExportFormat, PurgeRefused, PurgeRules, Search, ShownCheckpoint, ShownEntry, Who,
};
use serde::Deserialize;
use serde_json::json;
use store::{ChainKey, Effects, SavedSearch};
use vault::{Bound, Purpose};

use super::show;
use crate::{
    extract::{Asked, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::Rooms,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    limit: Option<u32>,
    cursor: Option<String>,
    operation: Option<String>,
    target: Option<String>,
    result: Option<String>,
    person: Option<String>,
    address: Option<String>,
    request: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

impl Filter {
    fn query(self) -> api::AuditQuery {
        let Self { operation, target, result, person, address, request, from, until, .. } = self;
        api::AuditQuery { operation, target, result, person, address, request, from, until }
    }
}

pub async fn list(
    request: Identified,
    Asked(mut asked): Asked<Filter>,
) -> Result<Json<api::Page<api::AuditEntry>>, Problem> {
    let paging = show::paging(asked.limit, asked.cursor.take())?;
    let query = asked.query();
    let search = search(&query)?;
    let chain = chain(&request)?.to_string();
    let page = request
        .audited(Operation::ViewAudit, None, asked_for(&request, &query), async |rooms| {
            let permit = request.may::<ViewAudit>()?;
            Ok(rooms.recorder.entries(&permit, &search, &paging).await?)
        })
        .await?;
    Ok(Json(show::page(page, |entry| shown(entry, &chain))))
}

pub async fn one(
    request: Identified,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Json<api::AuditEntry>, Problem> {
    let chain = chain(&request)?.to_string();
    request
        .audited(Operation::ViewAudit, Some(id.clone()), json!({}), async |rooms| {
            let permit = request.may::<ViewAudit>()?;
            let entry = rooms.recorder.entry(&permit, show::id(&id)?).await?.ok_or(Kind::NotFound)?;
            Ok(Json(shown(entry, &chain)))
        })
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    target: String,
}

pub async fn touched(request: Identified, Asked(asked): Asked<About>) -> Result<Json<api::AuditTouched>, Problem> {
    request
        .audited(Operation::ViewAudit, Some(asked.target.clone()), json!({}), async |rooms| {
            let permit = request.may::<ViewAudit>()?;
            let found = rooms.recorder.touched(&permit, &asked.target).await?;
            let by = found.by.into_iter().map(|one| api::AuditTouchedBy {
                pseudonym: one.pseudonym,
                subject: one.subject.and_then(|subject| serde_json::to_value(subject).ok()),
                entries: one.entries,
                first_at: one.first_at.to_string(),
                last_at: one.last_at.to_string(),
                operations: one
                    .operations
                    .into_iter()
                    .map(|((operation, result), count)| api::AuditTouch { operation, result: result.to_owned(), count })
                    .collect(),
            });
            let (entries, complete) = (found.entries, found.complete);
            Ok(Json(api::AuditTouched { target: asked.target.clone(), entries, complete, by: by.collect() }))
        })
        .await
}

pub async fn searches(request: Identified) -> Result<Json<api::Page<api::AuditSearch>>, Problem> {
    let permit = request.may::<ViewAudit>()?;
    let mut items = Vec::new();
    for kept in request.rooms.store.audit_searches(&permit).await? {
        let plain = request.rooms.vault.open(Purpose::Settings, &bound(&permit, &kept.name), &kept.sealed);
        let plain = plain.map_err(vault::Error::Open)?;
        items.push(api::AuditSearch {
            query: serde_json::from_slice(plain.expose()).map_err(Problem::internal)?,
            name: kept.name,
            updated_by: kept.updated_by,
            updated_at: kept.updated_at.to_string(),
        });
    }
    Ok(Json(api::Page { items, next: None }))
}

pub async fn keep_search(
    request: Identified,
    Path((_, _, name)): Path<(String, String, String)>,
    Body(query): Body<api::AuditQuery>,
) -> Result<Json<api::AuditSearch>, Problem> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return Err(Problem::new(Kind::BadParameter).detail("name: expected 1 to 64 of a to z, 0 to 9 and -"));
    }
    search(&query)?;
    request
        .audited(Operation::KeepAuditSearch, Some(name.clone()), asked_for(&request, &query), async |rooms| {
            let permit = request.may::<ViewAudit>()?;
            let plain = serde_json::to_vec(&query).map_err(Problem::internal)?;
            let sealed = rooms.vault.seal(Purpose::Settings, &bound(&permit, &name), &plain)?;
            let updated_by = request.caller.principal().to_string();
            let updated_at = rooms.clock.now();
            let kept = SavedSearch { name: name.clone(), sealed, updated_by: updated_by.clone(), updated_at };
            rooms.store.put_audit_search(&permit, kept).await?;
            let (name, updated_at) = (name.clone(), updated_at.to_string());
            Ok(Json(api::AuditSearch { name, query: query.clone(), updated_by, updated_at }))
        })
        .await
}

pub async fn forget_search(
    request: Identified,
    Path((_, _, name)): Path<(String, String, String)>,
) -> Result<axum::http::StatusCode, Problem> {
    request
        .audited(Operation::ForgetAuditSearch, Some(name.clone()), json!({}), async |rooms| {
            let permit = request.may::<ViewAudit>()?;
            rooms.store.delete_audit_search(&permit, name.clone()).await?;
            Ok(axum::http::StatusCode::NO_CONTENT)
        })
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    format: Option<String>,
    operation: Option<String>,
    target: Option<String>,
    result: Option<String>,
    person: Option<String>,
    address: Option<String>,
    request: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

pub async fn export(request: Identified, Asked(asked): Asked<Exported>) -> Result<Response, Problem> {
    let format = match asked.format.as_deref().unwrap_or("bundle") {
        "bundle" => ExportFormat::Bundle,
        "jsonl" => ExportFormat::Jsonl,
        "csv" => ExportFormat::Csv,
        "ocsf" => ExportFormat::Ocsf,
        _ => return Err(Problem::new(Kind::BadParameter).detail("format: expected bundle, jsonl, csv or ocsf")),
    };
    let Exported { operation, target, result, person, address, request: id, from, until, .. } = asked;
    let query = api::AuditQuery { operation, target, result, person, address, request: id, from, until };
    let search = search(&query)?;
    if format == ExportFormat::Bundle && !search.is_everything() {
        let why = "format: a bundle holds everything and takes no filters; use jsonl, csv or ocsf";
        return Err(Problem::new(Kind::BadParameter).detail(why));
    }
    let (end, content_type) = format.file();
    let detail = json!({ "format": end, "query": asked_for(&request, &query) });
    let permits = request.may::<ExportData>().and_then(|export| Ok((export, request.may::<ViewAudit>()?)));
    let (export, view) = match permits {
        Ok(permits) => permits,
        // the key has one of both permissions only
        Err(problem) => return request.audited(Operation::ExportAudit, None, detail, async |_| Err(problem)).await,
    };
    let body = request
        .audited_stream(Operation::ExportAudit, None, detail, move |rooms, mut out| async move {
            let permits = (&export, &view);
            let written = rooms.checkpoints.export_found(&rooms.recorder, permits, format, &search, &mut out).await?;
            Ok(json!({ "entries": written }))
        })
        .await?;
    let scope = request.actor()?.scope();
    let name = format!("attachment; filename=\"audit-{}-{}.{end}\"", scope.team, scope.environment);
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    entry: Option<String>,
    sequence: Option<u64>,
}

pub async fn prove(request: Identified, Asked(asked): Asked<Which>) -> Result<Json<api::AuditProof>, Problem> {
    let named = match (&asked.entry, asked.sequence) {
        (Some(id), None) => EntryNamed::Id(show::id(id)?),
        (None, Some(sequence)) => EntryNamed::Sequence(sequence),
        _ => return Err(Problem::new(Kind::BadParameter).detail("expected either entry or sequence")),
    };
    let target = asked.entry.or_else(|| asked.sequence.map(|sequence| format!("sequence:{sequence}")));
    let chain = chain(&request)?;
    request
        .audited(Operation::ProveAudit, target, json!({}), async |rooms| {
            request.may::<ViewAudit>()?;
            let proof = rooms.checkpoints.prove(&rooms.recorder, &chain, named).await?.ok_or(Kind::NotFound)?;
            proof_on_the_wire(&proof)
        })
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    from: u64,
    to: Option<u64>,
}

pub async fn consistency(request: Identified, Asked(asked): Asked<Between>) -> Result<Json<api::AuditProof>, Problem> {
    let chain = chain(&request)?;
    let detail = json!({ "from": asked.from, "to": asked.to });
    request
        .audited(Operation::ProveAudit, None, detail, async |rooms| {
            request.may::<ViewAudit>()?;
            let Between { from, to } = asked;
            let proof = rooms.checkpoints.prove_consistency(&rooms.recorder, &chain, from, to).await?;
            proof_on_the_wire(&proof.ok_or(Kind::NotFound)?)
        })
        .await
}

fn proof_on_the_wire(proof: &recorder::Proof) -> Result<Json<api::AuditProof>, Problem> {
    let value = serde_json::to_value(proof).map_err(Problem::internal)?;
    serde_json::from_value(value).map(Json).map_err(Problem::internal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    limit: Option<u32>,
    cursor: Option<String>,
}

pub async fn checkpoints(
    request: Identified,
    Asked(asked): Asked<Listed>,
) -> Result<Json<api::Page<api::AuditCheckpoint>>, Problem> {
    let (before, limit) = show::before::<u64>(asked.limit, asked.cursor)?;
    request.may::<ViewAudit>()?;
    let found = request.rooms.checkpoints.list(&chain(&request)?, before, limit.saturating_add(1)).await?;
    Ok(Json(show::part(found, limit, |checkpoint| checkpoint.number.to_string(), checkpoint)))
}

pub async fn checkpoint_of(
    request: Identified,
    Path((_, _, number)): Path<(String, String, String)>,
) -> Result<Json<api::AuditCheckpoint>, Problem> {
    request.may::<ViewAudit>()?;
    let number = match number.as_str() {
        "latest" => None,
        number => Some(number.parse::<u64>().map_err(|_| Kind::NotFound)?),
    };
    let found = request.rooms.checkpoints.shown(&chain(&request)?, number).await?.ok_or(Kind::NotFound)?;
    Ok(Json(checkpoint(found)))
}

fn checkpoint(shown: ShownCheckpoint) -> api::AuditCheckpoint {
    api::AuditCheckpoint {
        number: shown.number,
        at: shown.at.to_string(),
        note: shown.note,
        head: shown.head.and_then(|head| serde_json::to_value(head).ok()),
        cosignatures: shown
            .cosignatures
            .into_iter()
            .map(|kept| api::AuditCosignature { witness: kept.witness, at: kept.at.to_string() })
            .collect(),
    }
}

pub async fn cosign(
    request: Identified,
    Path((_, _, number)): Path<(String, String, String)>,
    Body(body): Body<api::Cosign>,
) -> Result<Json<api::AuditCheckpoint>, Problem> {
    let chain = chain(&request)?;
    let target = format!("checkpoint:{number}");
    request
        .audited(Operation::CosignCheckpoint, Some(target), json!({}), async |rooms| {
            request.may::<ViewAudit>()?;
            let number: u64 = number.parse().map_err(|_| Kind::NotFound)?;
            let witnesses = witnesses(rooms)?;
            let kept = rooms.checkpoints.cosign(&witnesses, number, &body.cosignature, Effects::none()).await;
            kept.map_err(|error| match error {
                CosignError::NoSuchCheckpoint => Kind::NotFound.into(),
                CosignError::Store(error) => error.into(),
                error => Problem::new(Kind::BadCosignature).detail(error.to_string()),
            })?;
            let shown = rooms.checkpoints.shown(&chain, Some(number)).await?.ok_or(Kind::NotFound)?;
            Ok(Json(checkpoint(shown)))
        })
        .await
}

/// The keys of `audit.witnesses`, which were checked at the start.
pub fn witnesses(rooms: &Rooms) -> Result<Vec<recorder::WitnessKey>, Problem> {
    let keys = rooms.config.audit.witnesses.iter().map(|key| recorder::WitnessKey::parse(key));
    keys.collect::<Result<_, _>>().map_err(Problem::internal)
}

pub async fn key(request: Identified) -> Result<Json<api::AuditKey>, Problem> {
    request.may::<ViewAudit>()?;
    Ok(Json(api::AuditKey { key: request.rooms.checkpoints.verifier_key() }))
}

/// Verifies the chains of the caller's team, and the checkpoints over all.
pub async fn verify(request: Identified) -> Result<Json<api::AuditVerification>, Problem> {
    let team = request.actor()?.scope().team.to_string();
    request
        .audited(Operation::VerifyAudit, None, json!({}), async |rooms| {
            request.may::<ViewAudit>()?;
            let report = rooms.verify_audit(&team).await?;
            let bad_checkpoint = report.bad_checkpoint.as_ref().map(|bad| format!("{}: {:?}", bad.number, bad.fault));
            let chains = report
                .chains
                .iter()
                .map(|chain| api::ChainVerification {
                    chain: chain.chain.clone(),
                    entries: chain.entries,
                    head: chain.head.clone(),
                    purged_through: chain.purged.map(|purged| purged.through),
                    first_bad: chain.bad.as_ref().map(|bad| format!("entry {}: {}", bad.first, bad.why)),
                })
                .collect();
            let (intact, checkpoints) = (report.is_intact(), report.checkpoints);
            Ok(Json(api::AuditVerification { intact, checkpoints, bad_checkpoint, chains }))
        })
        .await
}

/// Tells how far the newest verification of the caller's team has come; says nothing of the trail itself.
pub async fn progress(request: Identified) -> Result<Json<api::AuditProgress>, Problem> {
    let scope = request.may::<ViewAudit>()?.scope();
    let found = request.rooms.verifying.of(&scope.team.to_string());
    let (read, entries) = found.as_ref().map_or((0, 0), |progress| progress.now());
    Ok(Json(api::AuditProgress { running: found.is_some(), read, entries }))
}

pub async fn purge(request: Identified, Body(body): Body<api::PurgeAudit>) -> Result<Json<api::AuditPurged>, Problem> {
    let before = moment("before", &body.before)?;
    let chain = chain(&request)?;
    request
        .audited(Operation::PurgeAudit, None, json!({ "before": before.to_string() }), async |rooms| {
            request.may::<PurgeData>()?;
            let rules = PurgeRules { minimum: rooms.config.audit.minimum_retention(), waits: None };
            let (by, id) = (request.subject(), Some(request.arrived.request_id));
            let purged = rooms.recorder.purge(&rooms.checkpoints, &chain, before, by, id, rules).await?;
            let (entries, through, checkpoint) = (purged.entries, purged.through, purged.checkpoint);
            Ok(Json(api::AuditPurged { entries, through, checkpoint }))
        })
        .await
}

impl From<PurgeRefused> for Problem {
    fn from(refused: PurgeRefused) -> Self {
        match refused {
            PurgeRefused::Failed(error) => error.into(),
            refused => Self::new(Kind::Retained).detail(refused.to_string()),
        }
    }
}

pub async fn erase(
    request: Identified,
    Body(body): Body<api::EraseFromAudit>,
) -> Result<Json<api::AuditErased>, Problem> {
    let person = show::id(&body.person)?;
    // the entry about an erasure does not name the person again
    request
        .audited(Operation::EraseFromAudit, None, json!({}), async |rooms| {
            let permit = request.may::<PurgeData>()?;
            match rooms.recorder.erase_for(&permit, person, request.subject()).await? {
                Erased::Done => Ok(Json(api::AuditErased { erased: true })),
                Erased::WasNotThere => Ok(Json(api::AuditErased { erased: false })),
                Erased::ElsewhereToo => Err(Problem::new(Kind::Retained).detail(
                    "this person's acts stand in another team's trail too; whoever runs the server can erase them",
                )),
            }
        })
        .await
}

fn chain(request: &Identified) -> Result<ChainKey, Problem> {
    Ok(ChainKey::Of(request.actor()?.scope()))
}

/// What was asked for, as the trail may keep it: a person or an address only as a keyed hash.
fn asked_for(request: &Identified, query: &api::AuditQuery) -> domain::Json {
    let hidden = |value: &Option<String>| {
        value.as_ref().map(|text| request.rooms.recorder.fingerprint(&domain::Secret::new(text.clone())))
    };
    let mut asked = serde_json::to_value(query).unwrap_or_default();
    for (name, value) in [("person", hidden(&query.person)), ("address", hidden(&query.address))] {
        if let Some(value) = value {
            asked[name] = value;
        }
    }
    asked
}

fn bound<'a>(permit: &authz::Permit<ViewAudit>, name: &'a str) -> Bound<'a> {
    Bound { table: "audit_searches", field: "sealed", scope: Some(permit.scope()), row: name.as_bytes(), version: 1 }
}

fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).ok_or_else(|| {
        Problem::new(Kind::BadParameter).detail(format!("{name}: expected a time such as 2026-11-21T20:00:00Z"))
    })
}

fn search(query: &api::AuditQuery) -> Result<Search, Problem> {
    let bad = |text: &str| Problem::new(Kind::BadParameter).detail(text.to_owned());
    let result = query
        .result
        .as_ref()
        .map(|word| {
            serde_json::from_value::<AuditResult>(json!(word))
                .map_err(|_| bad("result: expected intent, succeeded, refused, failed or blocked"))
        })
        .transpose()?;
    let who = query
        .person
        .as_deref()
        .map(|text| match text {
            "system" => Ok(Who::System),
            text => text
                .parse()
                .map(Who::Person)
                .or_else(|_| text.parse().map(Who::Machine))
                .map_err(|_| bad("person: expected user_…, sa_… or system")),
        })
        .transpose()?;
    let address = query.address.as_deref().map(str::parse).transpose();
    let request = query.request.as_deref().map(str::parse).transpose();
    Ok(Search {
        operation: query.operation.clone(),
        target: query.target.clone(),
        result,
        who,
        address: address.map_err(|_| bad("address: expected an IP address"))?,
        request: request.map_err(|_| bad("request: expected req_…"))?,
        from: query.from.as_deref().map(|text| moment("from", text)).transpose()?,
        until: query.until.as_deref().map(|text| moment("until", text)).transpose()?,
    })
}

fn shown(entry: ShownEntry, chain: &str) -> api::AuditEntry {
    api::AuditEntry {
        id: entry.id.to_string(),
        chain: chain.to_owned(),
        sequence: entry.sequence,
        at: entry.at.to_string(),
        operation: entry.operation,
        target: entry.target,
        result: entry.result.as_str().to_owned(),
        request: entry.request.map(|id| id.to_string()),
        intent: entry.intent.map(|id| id.to_string()),
        duration_micros: entry.duration_micros,
        subject: entry.subject.and_then(|subject| serde_json::to_value(subject).ok()),
        detail: entry.detail,
        hash: entry.hash,
    }
}
