//! Connections: to a provider and back.

use authz::action::{ManageCredential, UseCredential};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use connections::{Begun, Callback, ClientSettings, Connect, Error, NewClient, Provider, provider::Revoke};
use domain::{CredentialId, Scope, Secret};
use recorder::Act;
use serde::Deserialize;
use serde_json::json;
use store::Effects;

use super::{credentials, show};
use crate::{
    extract::{At, Body, parse},
    operation::Operation,
    problems::{Kind, Problem},
    request::{Identified, together},
    rooms::Rooms,
};

pub async fn providers(request: Identified) -> Result<Json<api::Page<api::ProviderShown>>, Problem> {
    let permit = request.may::<UseCredential>()?;
    let clients = request.rooms.connections.clients(&permit).await?;
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let shown = |provider: &Provider, name: &str| api::ProviderShown {
        name: name.to_owned(),
        title: provider.title.to_owned(),
        default_scopes: texts(provider.default_scopes),
        parameters: provider
            .parameters
            .iter()
            .map(|parameter| api::ProviderParameter {
                name: parameter.name.to_owned(),
                title: parameter.title.to_owned(),
                default: parameter.default.map(str::to_owned),
                expected: parameter.expected.to_owned(),
            })
            .collect(),
        hosts: texts(provider.hosts),
        pkce: provider.pkce,
        revocable: !matches!(provider.revoke, Revoke::ByHand(_)),
        ready: clients.iter().any(|client| client.provider == name),
    };
    let mut items: Vec<_> = connections::all().iter().map(|provider| shown(provider, provider.name)).collect();
    for client in clients.iter().filter(|client| client.provider.starts_with("custom")) {
        if let Ok(provider) = connections::find(&client.provider) {
            let mut custom = shown(provider, &client.provider);
            custom.hosts = client.settings.api_hosts.clone().unwrap_or_default();
            custom.default_scopes = client.settings.default_scopes.clone().unwrap_or_default();
            custom.revocable = client.settings.revoke_url.is_some();
            items.push(custom);
        }
    }
    Ok(Json(api::Page { next: None, items }))
}

pub async fn clients(request: Identified) -> Result<Json<api::Page<api::OauthClientShown>>, Problem> {
    let permit = request.may::<UseCredential>()?;
    let clients = request.rooms.connections.clients(&permit).await?;
    let shown = clients.into_iter().map(|client| api::OauthClientShown {
        provider: client.provider,
        client_id: client.client_id,
        has_secret: client.has_secret,
        settings: json!(client.settings),
        updated_at: client.updated_at.to_string(),
    });
    Ok(Json(api::Page { next: None, items: shown.collect() }))
}

#[derive(Deserialize)]
pub struct OfProvider {
    provider: String,
}

pub async fn put_client(
    request: Identified,
    At(at): At<OfProvider>,
    Body(body): Body<api::PutOauthClient>,
) -> Result<StatusCode, Problem> {
    let settings: ClientSettings = match body.settings {
        None => ClientSettings::default(),
        Some(settings) => parse(settings.to_string().as_bytes())?,
    };
    let provider = connections::find(&at.provider)?;
    let client_secret = body.client_secret.map(Secret::new);
    let detail = json!({ "client_id": body.client_id, "has_secret": client_secret.is_some() });
    let new = NewClient { provider: at.provider.clone(), client_id: body.client_id, client_secret, settings };
    let target = if provider.name == "custom" { at.provider } else { provider.name.to_owned() };
    request
        .audited(Operation::PutOauthClient, Some(target), detail, async |rooms| {
            let permit = request.may::<ManageCredential>()?;
            Ok(rooms.connections.put_client(&permit, new, Effects::none()).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn delete_client(request: Identified, At(at): At<OfProvider>) -> Result<StatusCode, Problem> {
    connections::find(&at.provider)?;
    request
        .audited(Operation::DeleteOauthClient, Some(at.provider.clone()), json!({}), async |rooms| {
            let permit = request.may::<ManageCredential>()?;
            Ok(rooms.connections.delete_client(&permit, &at.provider, Effects::none()).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn redirect_uri(rooms: &Rooms) -> String {
    format!("{}/api/v1/oauth/callback", rooms.config.server.public_url)
}

/// Who began it: the session, or who it is where there is none.
fn session(request: &Identified) -> String {
    let session = request.caller.session().map(|session| session.to_string());
    session.unwrap_or_else(|| request.caller.principal().to_string())
}

/// Sends the browser on its way: where it goes, and the cookie that it must bring back.
fn on_the_way(begun: &Begun) -> Result<Response, Problem> {
    let body = api::ConnectionBegun {
        authorize_url: begun.authorize_url.to_string(),
        scopes: begun.scopes.clone(),
        expires_at: begun.expires_at.to_string(),
    };
    let cookie =
        format!("{}={}; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax", begun.cookie, begun.binding.expose());
    let mut cookie = HeaderValue::from_str(&cookie).map_err(Problem::internal)?;
    cookie.set_sensitive(true);
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

pub async fn begin(request: Identified, Body(body): Body<api::BeginConnection>) -> Result<Response, Problem> {
    connections::find(&body.provider)?;
    // R079: what is asked for stands in the audit trail.
    let detail = json!({ "provider": body.provider, "name": body.name, "more_scopes": body.scopes });
    let connect = Connect {
        provider: body.provider.clone(),
        name: body.name,
        scopes: body.scopes,
        hosts: body.hosts,
        parameters: body.parameters.unwrap_or_default(),
        again: None,
        session: session(&request),
        redirect_uri: redirect_uri(&request.rooms),
    };
    let begun = request
        .audited(Operation::BeginConnection, Some(body.provider), detail, async |rooms| {
            let (permit, reading) = (request.may::<ManageCredential>()?, request.may::<UseCredential>()?);
            Ok(rooms.connections.begin(&permit, &reading, connect, Effects::none()).await?)
        })
        .await?;
    on_the_way(&begun)
}

#[derive(Deserialize)]
pub struct OfConnection {
    id: String,
}

pub async fn reconnect(
    request: Identified,
    At(at): At<OfConnection>,
    Body(body): Body<api::ReconnectConnection>,
) -> Result<Response, Problem> {
    let id: CredentialId = show::id(&at.id)?;
    let detail = json!({ "more_scopes": body.scopes });
    let (session, redirect_uri) = (session(&request), redirect_uri(&request.rooms));
    let begun = request
        .audited(Operation::BeginConnection, Some(id.to_string()), detail, async |rooms| {
            let (permit, reading) = (request.may::<ManageCredential>()?, request.may::<UseCredential>()?);
            let connection = rooms.connections.connection(&reading, id).await?;
            let row = rooms.vault.credential(&reading, id).await?;
            let default = connections::find(&connection.grant.provider)?.default_scopes;
            let before = connection.grant.requested.into_iter().filter(|scope| !default.contains(&scope.as_str()));
            let mut scopes: Vec<String> = before.collect();
            scopes.extend(body.scopes);
            let own = |parameters: domain::Json| {
                let known = connections::find(&connection.grant.provider).map(|provider| provider.parameters);
                let known = known.unwrap_or_default();
                let kept = parameters.as_object().cloned().unwrap_or_default();
                let kept = kept.into_iter().filter(|(name, _)| known.iter().any(|parameter| parameter.name == name));
                domain::Json::Object(kept.collect())
            };
            let connect = Connect {
                provider: connection.grant.provider.clone(),
                name: row.name,
                scopes,
                hosts: row.hosts,
                parameters: body.parameters.unwrap_or_else(|| own(connection.grant.parameters.clone())),
                again: Some(id),
                session,
                redirect_uri,
            };
            Ok(rooms.connections.begin(&permit, &reading, connect, Effects::none()).await?)
        })
        .await?;
    on_the_way(&begun)
}

/// The way back. Who comes is known by their session; where it belongs, by the state.
pub async fn callback(
    State(rooms): State<Rooms>,
    request: Result<Identified, Problem>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let raw = raw.unwrap_or_default();
    if raw.len() > 8 * 1024 {
        return Err(Problem::new(Kind::BadParameter).detail("the query is too long"));
    }
    let url = egress::Url::parse(&format!("https://query.invalid/?{raw}"));
    let url = url.map_err(|_| Problem::new(Kind::BadParameter).detail("the query cannot be read"))?;
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let wants_json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    let place = rooms.connections.place_of(&query).await;
    let request = match request {
        Ok(request) => request,
        // The session ran out while they were at the provider: the page renews it and comes back here.
        Err(problem) if problem.kind().status() == StatusCode::UNAUTHORIZED && !wants_json && place.is_ok() => {
            return back_to(&rooms, place.ok(), "finish", &raw).await;
        }
        Err(problem) => return Err(problem),
    };
    let cookie = Callback::cookie(&query);
    let binding = cookie.as_deref().and_then(|name| cookie_of(&headers, name)).map(Secret::new);
    let callback = Callback { query, binding, session: session(&request) };
    let scope = place.as_ref().ok().copied();
    let done = finish(&request, place, &callback).await;
    let mut response = match (done, wants_json) {
        (done, true) => Json(done?).into_response(),
        (Ok(credential), false) => back_to(&rooms, scope, "connected", &credential.id).await?,
        (Err(problem), false) => {
            let code = problem.to_json()["reason"].as_str().unwrap_or("failed").to_owned();
            back_to(&rooms, scope, "connect_error", &code).await?
        }
    };
    if let Some(gone) = cookie.and_then(|name| {
        HeaderValue::from_str(&format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")).ok()
    }) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

async fn finish(
    request: &Identified,
    place: Result<Scope, Error>,
    callback: &Callback,
) -> Result<api::Credential, Problem> {
    let rooms = &request.rooms;
    let act = |scope| Act {
        scope,
        subject: request.subject(),
        request: Some(request.arrived.request_id),
        operation: Operation::FinishConnection.name().to_owned(),
        target: None,
        detail: json!({}),
    };
    let scope = match place {
        Ok(scope) => scope,
        Err(error) => {
            let refused: Result<(), Problem> = Err(error.into());
            return Err(together(rooms, act(None), refused, async |_, _| Ok(()))
                .await
                .err()
                .unwrap_or_else(|| Problem::internal("a refusal that was none")));
        }
    };
    let actor = request.caller.actor(scope, request.arrived.at).await;
    let intent = rooms.recorder.intent(act(Some(scope))).await?;
    let done: Result<api::Credential, Problem> = async {
        let actor = actor?;
        let (permit, reading) = (actor.may::<ManageCredential>()?, actor.may::<UseCredential>()?);
        let row = rooms.connections.finish(&permit, &reading, callback, Effects::none()).await?;
        credentials::one(rooms, &reading, row.id).await
    }
    .await;
    let (result, mut detail) = crate::request::outcome(&done);
    if let Ok(credential) = &done {
        detail = json!({ "credential": credential.id, "provider": credential.provider,
            "scopes": credential.connection.as_ref().map(|connection| &connection.requested_scopes) });
    }
    intent.outcome(result, detail).await?;
    done
}

fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned());
    found.next().filter(|value| value.len() <= 100)
}

/// Back to the dashboard's page of credentials, or to its front where nobody knows which; `what` says how it went.
async fn back_to(rooms: &Rooms, scope: Option<Scope>, what: &str, word: &str) -> Result<Response, Problem> {
    let page = match scope {
        Some(scope) => format!("/t/{}/{}/credentials", rooms.slug_of(scope.team).await?, scope.environment.as_str()),
        None => "/".to_owned(),
    };
    let to = egress::Url::parse(&format!("{}{page}", rooms.config.server.public_url));
    let mut to = to.map_err(Problem::internal)?;
    to.query_pairs_mut().append_pair(what, word);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to.to_string())]).into_response())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Vault(_) | Error::Store(_) => None,
            Error::UnknownProvider { .. } => Some(Kind::NotFound),
            Error::NoClient { .. }
            | Error::Client { .. }
            | Error::KeyFile { .. }
            | Error::Parameter { .. }
            | Error::Scope { .. } => Some(Kind::CredentialRefused),
            Error::NotAConnection => Some(Kind::NotFound),
            _ => Some(Kind::ConnectionFailed),
        };
        match (kind, error) {
            (_, Error::Vault(error)) => error.into(),
            (_, Error::Store(error)) => error.into(),
            (kind, error) => {
                let detail = error.to_string();
                tracing::info!(code = error.code(), "a connection was not made or kept");
                Self::new(kind.unwrap_or(Kind::ConnectionFailed)).detail(detail).with("reason", error.code())
            }
        }
    }
}
