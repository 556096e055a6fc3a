//! Live events over a WebSocket: heartbeats, the Origin check at the handshake, and an end when the right ends.

use std::time::Duration;

use authz::{Permit, action::ViewWorkflow};
use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::Response,
};
use domain::{Event, RunId};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    extract::Asked,
    limits::Place,
    problems::{Kind, Problem},
    request::Identified,
};

/// How often we ask "are you there", and how long the answer may take (R018).
const HEARTBEAT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(40);
/// How often the caller's right is asked again; what is asked may itself be four seconds old.
const STILL_ALLOWED: Duration = Duration::from_secs(1);
/// News can be missed when this process is busy, and come late from another; so we look by ourselves too.
const LOOK: Duration = Duration::from_secs(2);
const PART: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    after: Option<i64>,
    run: Option<RunId>,
}

/// R017: the handshake needs an identity and, from a browser, our own origin.
pub async fn live(
    request: Identified,
    headers: HeaderMap,
    Asked(from): Asked<From>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    request.rooms.identity.require_own_origin(&headers)?;
    let permit = request.may::<ViewWorkflow>()?;
    let upgrade = upgrade.map_err(|error| Problem::new(Kind::BadParameter).detail(error.body_text()))?;
    let after = match from.after {
        Some(after) => after,
        None if from.run.is_some() => 0,
        None => request.rooms.store.last_event(&permit).await?,
    };
    let most = request.rooms.config.limits.streams_per_principal;
    let place = request.rooms.streams.open(&request.caller.principal(), most)?;
    Ok(upgrade.max_message_size(4096).max_frame_size(4096).on_upgrade(move |socket| {
        Stream { socket, request, permit, run: from.run, after, heard: Instant::now(), _place: place }.run()
    }))
}

struct Stream {
    socket: WebSocket,
    request: Identified,
    permit: Permit<ViewWorkflow>,
    run: Option<RunId>,
    after: i64,
    heard: Instant,
    _place: Place,
}

impl Stream {
    async fn run(mut self) {
        let mut news = self.request.rooms.store.news();
        let shutdown = self.request.rooms.shutdown.clone();
        let (mut beat, mut ask, mut look) = (interval(HEARTBEAT), interval(STILL_ALLOWED), interval(LOOK));
        for timer in [&mut beat, &mut ask, &mut look] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let reason = loop {
            let going = tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => { self.heard = Instant::now(); true }
                },
                _ = beat.tick() => {
                    if self.heard.elapsed() > SILENCE { break "no heartbeat" }
                    self.socket.send(Message::Ping(Default::default())).await.is_ok()
                }
                _ = ask.tick() => {
                    if !self.still_allowed().await { break "no longer allowed" }
                    true
                }
                _ = look.tick() => self.send_new().await,
                _ = news.recv() => self.send_new().await,
                () = shutdown.cancelled() => break "the server is going down",
            };
            if !going {
                return;
            }
        };
        let _ = self.socket.send(Message::Close(Some(CloseFrame { code: 1008, reason: reason.into() }))).await;
    }

    /// Revocation reaches sockets too.
    async fn still_allowed(&mut self) -> bool {
        let now = self.request.rooms.clock.now();
        let (caller, scope) = (self.request.caller.clone(), self.permit.scope());
        caller.still_known(now).await.is_ok()
            && caller.actor(scope, now).await.is_ok_and(|actor| actor.may::<ViewWorkflow>().is_ok())
    }

    async fn send_new(&mut self) -> bool {
        loop {
            let store = &self.request.rooms.store;
            let read = match self.run {
                Some(run) => store.events_of_run(&self.permit, run, self.after, PART).await,
                None => store.events_after(&self.permit, self.after, PART).await,
            };
            // A database that is away is waited for: the cursor says where to go on.
            let Ok(events) = read else { return true };
            let whole = events.len() == PART as usize;
            for event in events {
                self.after = event.sequence;
                if self.send(&event).await.is_err() {
                    return false;
                }
            }
            if !whole {
                return true;
            }
        }
    }

    async fn send(&mut self, event: &Event) -> Result<(), axum::Error> {
        let text = serde_json::to_string(event).unwrap_or_default();
        tokio::time::timeout(Duration::from_secs(10), self.socket.send(Message::Text(text.into())))
            .await
            .unwrap_or_else(|slow| Err(axum::Error::new(slow)))
    }
}
