//! One destination while its lease is ours: read, deliver, move the cursor, and say so when it does not go on.

use std::{sync::Arc, time::Duration};

use authz::{SystemPermit, act_as_system};
use domain::{AuditResult, AuditSubject, DeadLetterId, EventKind, NewEvent, Principal, Timestamp};
use recorder::Act;
use serde_json::json;
use store::{
    Effects,
    siem::{Claim, Cursors, Destination, NewDeadLetter, Progress, SiemState, SiemStream, is_installation},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, backoff,
    config::Kept,
    deliver::{Lease, Lost, Outcome, Wire},
    exporters::{Exporter, Stop},
    read::{Most, Read, read},
    siem::{Rooms, Settings, open},
};

const SYSTEM: SystemPermit = act_as_system("delivery to a SIEM moves its cursor");
/// Batches of one stream before the others have their turn.
const TURN: usize = 32;
/// Failures in a row after which people are told, however young the events are.
const PATIENCE: u32 = 10;

struct Sender {
    rooms: Arc<Rooms>,
    lease: Lease,
    /// Refused in a row.
    strikes: u32,
}

/// Delivers until nothing waits, until it does not go on, or until `stop`.
pub(crate) async fn serve(rooms: Arc<Rooms>, claim: Claim, stop: CancellationToken) {
    let id = claim.destination.id;
    let lease = Lease {
        store: rooms.store.clone(),
        clock: rooms.clock.clone(),
        until: rooms.clock.now(),
        length: rooms.settings.lease,
        claim,
    };
    let mut sender = Sender { rooms, lease, strikes: 0 };
    if let Err(error) = sender.run(&stop).await {
        tracing::debug!(destination = %id, %error, "a SIEM delivery ended early");
    }
    // Nothing happens when the lease went to somebody else.
    if let Err(error) = sender.rooms.store.siem_release(SYSTEM, &sender.lease.claim).await {
        tracing::debug!(destination = %id, %error, "a SIEM destination was not released; its lease ends by itself");
    }
}

/// The longest that an exporter is asked to wait for acknowledgement is part of the lease.
fn length(settings: &Settings, to: &crate::To) -> Duration {
    let waits = matches!(to, crate::To::SplunkHec { acknowledge: true, .. });
    settings.lease + if waits { settings.ask_for } else { Duration::ZERO }
}

#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for Ended {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Sender {
    fn destination(&self) -> &Destination {
        &self.lease.claim.destination
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<(), Ended> {
        let opened = open(&self.rooms.vault, self.destination());
        let (kept, exporter) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let why = format!("its settings or secrets cannot be read: {error}");
                return self.stopped(Stop::Hold(why)).await;
            }
        };
        self.lease.length = length(&self.rooms.settings, &kept.to);
        let wants = self.destination().wants;
        let streams = [
            (wants.audit, SiemStream::Audit),
            (wants.events, SiemStream::Security),
            (wants.checkpoints, SiemStream::Checkpoints),
        ];
        loop {
            let mut more = false;
            for (_, stream) in streams.iter().filter(|(wanted, _)| *wanted) {
                match self.turn(*stream, &kept, &exporter, stop).await? {
                    Turn::Over => {}
                    Turn::More => more = true,
                    Turn::Stop => return Ok(()),
                }
            }
            if !more || stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// A stream's turn. The next batch is read while one is on its way.
    async fn turn(
        &mut self,
        stream: SiemStream,
        kept: &Kept,
        exporter: &Arc<dyn Exporter>,
        stop: &CancellationToken,
    ) -> Result<Turn, Ended> {
        let mut ahead: Option<JoinHandle<Result<Read, Error>>> = None;
        for turn in 1..=TURN {
            if stop.is_cancelled() {
                return Ok(Turn::Stop);
            }
            let most = self.most(kept, &**exporter);
            let read = match ahead.take() {
                Some(ahead) => ahead.await.unwrap_or_else(|_| Err(Error::Gone)),
                None => self.read(stream, exporter, self.destination().cursors.clone(), most).await,
            };
            let read = match read {
                Ok(read) => read,
                Err(error) => {
                    let why = format!("what comes next cannot be read: {error}");
                    self.stopped(Stop::Again { why, after: None }).await?;
                    return Ok(Turn::Stop);
                }
            };
            if read.end == self.destination().cursors {
                return Ok(Turn::Over);
            }
            let reading_on = read.more && turn < TURN && self.destination().state == SiemState::Ok;
            if reading_on {
                ahead = Some(tokio::spawn(crate::read::read(
                    self.rooms.clone(),
                    exporter.clone(),
                    self.destination().scope,
                    stream,
                    read.end.clone(),
                    most,
                )));
            }
            let more = read.more;
            let goes_on = self.send(stream, read, exporter).await;
            if !matches!(goes_on, Ok(true)) {
                if let Some(ahead) = ahead {
                    ahead.abort();
                }
                return goes_on.map(|_| Turn::Stop);
            }
            if !more {
                return Ok(Turn::Over);
            }
        }
        Ok(Turn::More)
    }

    /// A destination that is held is asked with one event whether it would take it now.
    fn most(&self, kept: &Kept, exporter: &dyn Exporter) -> Most {
        let limits = exporter.limits();
        match self.destination().state {
            SiemState::Held | SiemState::Broken => Most { events: 1, bytes: limits.bytes },
            _ => Most {
                events: limits.events.min(kept.batch.events as usize),
                bytes: limits.bytes.min(kept.batch.bytes as usize),
            },
        }
    }

    async fn read(
        &self,
        stream: SiemStream,
        exporter: &Arc<dyn Exporter>,
        after: Cursors,
        most: Most,
    ) -> Result<Read, Error> {
        read(self.rooms.clone(), exporter.clone(), self.destination().scope, stream, after, most).await
    }

    /// Delivers a batch and stores what became of it. Says whether to go on.
    async fn send(&mut self, stream: SiemStream, read: Read, exporter: &Arc<dyn Exporter>) -> Result<bool, Ended> {
        let settings = self.rooms.settings.clone();
        let wire = Wire {
            egress: &self.rooms.egress,
            exporter: &**exporter,
            clock: &self.rooms.clock,
            timeout: settings.timeout,
            ask_every: settings.ask_every,
            ask_for: settings.ask_for,
            failures: self.destination().attempts,
            strikes: settings.strikes,
        };
        let outcome = wire.deliver(stream.as_str(), &read.events, &mut self.lease, &mut self.strikes).await?;
        self.settle(stream, &read, outcome).await
    }

    async fn settle(&mut self, stream: SiemStream, read: &Read, outcome: Outcome) -> Result<bool, Ended> {
        let now = self.rooms.clock.now();
        let until = now + self.lease.length;
        let mut progress = self.lease.claim.unchanged(Some(until));
        let front = outcome.front();
        if front == read.events.len() {
            progress.cursors = read.end.clone();
        } else if let Some(last) = front.checked_sub(1).and_then(|last| read.events.get(last)) {
            match stream {
                SiemStream::Audit => progress.cursors.audit = last.sequence,
                SiemStream::Security => {
                    progress.cursors.events = last.sequence;
                    progress.cursors.event_prev.clone_from(&last.hash);
                }
                SiemStream::Checkpoints => progress.cursors.checkpoints = last.sequence,
            }
        }
        progress.delivered = outcome.taken;
        progress.retries = outcome.retries;
        progress.delivered_at = (outcome.taken > 0).then_some(now);
        if outcome.taken > 0 {
            progress.attempts = 0;
        }
        let letters: Vec<_> = outcome
            .refused
            .iter()
            .map(|(index, why)| NewDeadLetter {
                id: DeadLetterId::new(now, entropy()),
                stream,
                seq: read.events[*index].sequence,
                event: read.events[*index].id.clone(),
                reason: why.clone(),
                at: now,
            })
            .collect();
        if let Some((_, why)) = outcome.refused.last() {
            progress.error = Some((why.clone(), now));
        }
        if let Some((from, to)) = read.lost {
            let why = format!("the {} entries {from} to {to} were purged before they were delivered", stream.as_str());
            tracing::error!(destination = %self.destination().id, %why, "a SIEM destination lacks entries");
            progress.error = Some((why, now));
        }
        let waiting = read.events.get(front).map(|event| now.since(event.at));
        let goes_on = outcome.stop.is_none();
        match outcome.stop {
            None => self.went_well(&mut progress, read, now),
            Some(stop) => self.went_wrong(&mut progress, stop, waiting, now),
        }
        self.store(progress, letters, now).await?;
        Ok(goes_on)
    }

    fn went_well(&self, progress: &mut Progress, read: &Read, now: Timestamp) {
        progress.attempts = 0;
        progress.retry_at = None;
        let late = self.rooms.settings.lag_alert;
        let behind = read.more && read.events.last().is_some_and(|event| now.since(event.at) >= late);
        match self.destination().state {
            SiemState::Ok if behind && now.since(self.destination().state_since) >= late => {
                progress.state = SiemState::Lagging;
                progress.reason = Some("more happens than the receiver takes".to_owned());
            }
            SiemState::Lagging if behind => {}
            SiemState::Ok => {}
            _ => {
                progress.state = SiemState::Ok;
                progress.reason = None;
            }
        }
    }

    fn went_wrong(&self, progress: &mut Progress, stop: Stop, waiting: Option<Duration>, now: Timestamp) {
        let settings = &self.rooms.settings;
        progress.attempts = progress.attempts.saturating_add(1);
        progress.lease_until = None;
        let (state, why, wait) = match stop {
            Stop::Again { why, after } => {
                let attempts = progress.attempts;
                let wait =
                    backoff::wait(attempts, settings.first_wait, settings.longest_wait, after, backoff::chance());
                progress.retries += 1;
                let late = waiting.is_some_and(|waiting| waiting >= settings.lag_alert) || attempts >= PATIENCE;
                let state =
                    if late || self.destination().state != SiemState::Ok { SiemState::Lagging } else { SiemState::Ok };
                (state, why, wait)
            }
            Stop::Hold(why) => (SiemState::Held, why, settings.recheck),
            Stop::Broken(why) => (SiemState::Broken, why, settings.recheck),
            Stop::Disable(why) => {
                progress.enabled = false;
                (SiemState::Broken, why, settings.recheck)
            }
        };
        progress.state = state;
        progress.reason = (state != SiemState::Ok).then(|| why.clone());
        progress.error = Some((why, now));
        progress.retry_at = Some(now + wait);
    }

    /// Nothing could even be tried.
    async fn stopped(&mut self, stop: Stop) -> Result<(), Ended> {
        let now = self.rooms.clock.now();
        let mut progress = self.lease.claim.unchanged(None);
        self.went_wrong(&mut progress, stop, None, now);
        self.store(progress, Vec::new(), now).await
    }

    async fn store(
        &mut self,
        mut progress: Progress,
        letters: Vec<NewDeadLetter>,
        now: Timestamp,
    ) -> Result<(), Ended> {
        let from = self.destination().state;
        let changed = progress.state != from || progress.enabled != self.destination().enabled;
        if changed {
            progress.state_since = now;
        }
        let effects = if changed || !letters.is_empty() {
            self.told(&progress, letters.len(), now).await
        } else {
            Effects::none()
        };
        let stored =
            self.rooms.store.siem_progress(SYSTEM, &self.lease.claim, progress.clone(), letters, effects).await?;
        self.lease.claim.moved(&progress, stored).map_err(|_| Lost)?;
        if let Some(until) = progress.lease_until {
            self.lease.until = until;
        }
        if changed {
            let d = self.destination();
            tracing::warn!(destination = %d.id, from = from.as_str(), to = d.state.as_str(), reason = d.reason,
                "the state of a SIEM destination changed");
        }
        Ok(())
    }

    /// R239: people are told, on the stream of events and in the audit trail, when a destination stops, falls behind,
    /// refuses events for good, or goes on.
    async fn told(&self, progress: &Progress, refused: usize, now: Timestamp) -> Effects {
        let d = self.destination();
        let detail = json!({
            "destination": d.id, "name": d.name, "from": d.state.as_str(), "to": progress.state.as_str(),
            "enabled": progress.enabled, "dead_letters": refused,
            "reason": progress.reason.as_ref().or(progress.error.as_ref().map(|(why, _)| why)),
            "severity": if progress.state == SiemState::Ok && refused == 0 { "low" } else { "high" },
        });
        let event = NewEvent {
            scope: d.scope,
            at: now,
            kind: EventKind::SiemState,
            workflow: None,
            run: None,
            payload: detail.clone(),
        };
        let act = Act {
            scope: (!is_installation(d.scope)).then_some(d.scope),
            subject: AuditSubject { principal: Principal::System, address: None, session: None, user_agent: None },
            request: None,
            operation: "siem.state".to_owned(),
            target: Some(d.id.to_string()),
            detail,
        };
        let (mut draft, _) = self.rooms.recorder.open(act);
        let fine = progress.state == SiemState::Ok && refused == 0;
        draft.result = if fine { AuditResult::Succeeded } else { AuditResult::Failed };
        let audit = self.rooms.recorder.prepare(vec![draft]).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the change of a SIEM destination's state has no audit entry");
            Vec::new()
        });
        // nobody reads events of no team; the entry and the server's own log tell
        let events = if is_installation(d.scope) { Vec::new() } else { vec![event] };
        Effects { audit, events, ..Effects::none() }
    }
}

enum Turn {
    /// Nothing waits any more.
    Over,
    More,
    Stop,
}

pub(crate) fn entropy() -> [u8; 10] {
    let mut bytes = [0; 10];
    // an id that is not random is still unique by its time for most purposes; the store refuses a second one
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}
