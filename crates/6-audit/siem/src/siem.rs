//! [`Siem`]: what a person does with destinations, and the loop that finds those for which something waits.

use std::{sync::Arc, time::Duration};

use authz::{Permit, SystemPermit, act_as_system, action::ConfigureSiem};
use domain::{Clock, DeadLetterId, LeaseId, Scope, Secret, SiemId, Timestamp};
use egress::Egress;
use recorder::{Checkpoints, Recorder};
use store::{
    Effects, Page, PageRequest, Store,
    siem::{Cursors, DeadLetter, Destination, DestinationSettings, Ends, SiemStream},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vault::{Bound, Purpose, Vault};

use crate::{
    Error, Secrets, Setup, Start,
    config::{Kept, invalid, new_signing_secret},
    deliver::Wire,
    event::Event,
    exporters::{Exporter, Part, Rendered, Stop, Verdict, dress, exporter},
    read, sender,
};

const SYSTEM: SystemPermit = act_as_system("delivery to SIEM destinations finds what waits");

/// What delivery stands on.
pub struct Parts {
    pub store: Store,
    pub vault: Vault,
    pub recorder: Recorder,
    pub checkpoints: Checkpoints,
    pub egress: Egress,
    pub clock: Clock,
    pub settings: Settings,
}

/// Times and limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often it is looked for something that waits. Default 1 s.
    pub poll: Duration,
    /// Until another process may take over from one that died. Default 60 s; at least three times `timeout`.
    pub lease: Duration,
    /// From a request to the last byte of its answer. Default 20 s.
    pub timeout: Duration,
    /// Destinations at once. Default 8.
    pub senders: usize,
    /// The wait after the first failure, doubled with each. Default 1 s, at most 5 minutes.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// How often a held destination is asked with one event. Default 10 minutes.
    pub recheck: Duration,
    /// Something that waits longer than this is told of. Default 5 minutes.
    pub lag_alert: Duration,
    /// How often a receiver is asked for its acknowledgement, and for how long. Default 500 ms and 60 s.
    pub ask_every: Duration,
    pub ask_for: Duration,
    /// So many events refused in a row, and the destination is held. Default 5.
    pub strikes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
            senders: 8,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
            recheck: Duration::from_secs(600),
            lag_alert: Duration::from_secs(300),
            ask_every: Duration::from_millis(500),
            ask_for: Duration::from_secs(60),
            strikes: 5,
        }
    }
}

pub(crate) type Rooms = Parts;

/// Delivery. Cheap to clone.
#[derive(Clone)]
pub struct Siem {
    pub(crate) rooms: Arc<Rooms>,
}

/// A destination that is about to be stored, and its signing secret when it was made here.
pub(crate) struct New {
    pub settings: DestinationSettings,
    pub from: Cursors,
    pub made: Option<Secret<String>>,
}

/// How far a destination is behind.
#[derive(Debug, Clone)]
pub struct Status {
    pub destination: Destination,
    /// Names of the secrets that are kept.
    pub secrets: Vec<String>,
    /// Numbers not delivered yet, of each stream that is wanted.
    pub behind: Ends,
    pub oldest_waiting: Option<Timestamp>,
}

/// What became of one event that was sent by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub delivered: bool,
    pub answer: String,
}

impl Siem {
    pub fn new(parts: Parts) -> Self {
        Self { rooms: Arc::new(parts) }
    }

    /// Delivers until `stop`, then lets what is on its way arrive.
    pub async fn run(self, stop: CancellationToken) {
        let rooms = &self.rooms;
        let owner = LeaseId::new(rooms.clock.now(), sender::entropy());
        let mut senders = JoinSet::new();
        while !stop.is_cancelled() {
            while senders.try_join_next().is_some() {}
            let free = rooms.settings.senders.saturating_sub(senders.len());
            let begun = if free > 0 { self.begin(owner, free, &mut senders, &stop).await } else { Ok(()) };
            if let Err(error) = begun {
                tracing::warn!(%error, "SIEM destinations were not looked for; they will be");
            }
            tokio::select! {
                () = tokio::time::sleep(rooms.settings.poll) => {}
                () = stop.cancelled() => {}
            }
        }
        while senders.join_next().await.is_some() {}
    }

    async fn begin(
        &self,
        owner: LeaseId,
        free: usize,
        senders: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let rooms = &self.rooms;
        let limit = u32::try_from(free).unwrap_or(1);
        for id in rooms.store.siem_due(SYSTEM, rooms.clock.now(), limit).await? {
            let until = rooms.clock.now() + rooms.settings.lease;
            if let Some(claim) = rooms.store.siem_claim(SYSTEM, id, owner, until).await? {
                senders.spawn(sender::serve(rooms.clone(), claim, stop.clone()));
            }
        }
        Ok(())
    }

    /// Makes a destination. Answers it, and the signing secret when it was made here, to be shown once.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Store`] when the name is taken or there are too many.
    pub async fn create(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        setup: Setup,
        secrets: Secrets,
        start: Start,
        effects: Effects,
    ) -> Result<Option<Secret<String>>, Error> {
        let New { settings, from, made } = self.prepared(permit.scope(), id, setup, secrets, start).await?;
        self.rooms.store.add_siem_destination(permit, id, settings, from, effects).await?;
        Ok(made)
    }

    /// Everything that a new destination is stored with.
    pub(crate) async fn prepared(
        &self,
        scope: Scope,
        id: SiemId,
        setup: Setup,
        mut secrets: Secrets,
        start: Start,
    ) -> Result<New, Error> {
        let mut made = None;
        if matches!(setup.to, crate::To::Webhook { .. }) && secrets.get("secret").is_none() {
            let secret = new_signing_secret()?;
            secrets.put("secret", secret.clone());
            made = Some(secret);
        }
        setup.check(&secrets)?;
        let from = match start {
            Start::Beginning => read::before(&self.rooms, scope, SiemStream::Audit, 1).await?,
            Start::Now => {
                let ends = self.rooms.store.siem_ends(SYSTEM, scope).await?;
                let events = read::before(&self.rooms, scope, SiemStream::Security, ends.events + 1).await?;
                Cursors { audit: ends.audit, checkpoints: ends.checkpoints, ..events }
            }
        };
        let settings = self.sealed(scope, id, setup, &secrets)?;
        Ok(New { settings, from, made })
    }

    /// Changes a destination. Secrets that are not given are kept, as long as the address leads to the same place.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Store`] when somebody else changed it meanwhile.
    pub async fn change(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        setup: Setup,
        secrets: Secrets,
        effects: Effects,
    ) -> Result<(), Error> {
        let old = self.destination(permit, id).await?;
        let secrets = match secrets.is_empty() {
            false => secrets,
            true => {
                let kept = Kept::read(&old.settings)?;
                let same = kept.to.kind() == setup.to.kind() && kept.to.base()?.origin() == setup.to.base()?.origin();
                if !same {
                    // Whoever may not see a secret must not learn it by sending it elsewhere.
                    return Err(invalid("secrets", "give them again: the destination leads elsewhere now").into());
                }
                unseal(&self.rooms.vault, &old)?
            }
        };
        setup.check(&secrets)?;
        let settings = self.sealed(permit.scope(), id, setup, &secrets)?;
        Ok(self.rooms.store.change_siem_destination(permit, id, old.version, settings, effects).await?)
    }

    /// Forgets a destination.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn delete(&self, permit: &Permit<ConfigureSiem>, id: SiemId, effects: Effects) -> Result<(), Error> {
        Ok(self.rooms.store.delete_siem_destination(permit, id, effects).await?)
    }

    /// All destinations of the permit's team and environment, by name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(&self, permit: &Permit<ConfigureSiem>) -> Result<Vec<Status>, Error> {
        let mut all = Vec::new();
        for destination in self.rooms.store.siem_destinations(permit).await? {
            all.push(self.status_of(destination).await?);
        }
        Ok(all)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn status(&self, permit: &Permit<ConfigureSiem>, id: SiemId) -> Result<Status, Error> {
        self.status_of(self.destination(permit, id).await?).await
    }

    /// Sends everything from `sequence` on (again), or tries at once what is held.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Store`].
    pub async fn replay(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        from: Option<(SiemStream, i64)>,
        effects: Effects,
    ) -> Result<(), Error> {
        let to = self.place(permit.scope(), from).await?;
        Ok(self.rooms.store.move_siem_cursor(permit, id, to, effects).await?)
    }

    /// The cursor that has `from` sent next.
    pub(crate) async fn place(
        &self,
        scope: Scope,
        from: Option<(SiemStream, i64)>,
    ) -> Result<Option<(SiemStream, i64, String)>, Error> {
        Ok(match from {
            None => None,
            Some((stream, sequence)) => {
                let ends = self.rooms.store.siem_ends(SYSTEM, scope).await?;
                let end = match stream {
                    SiemStream::Audit => ends.audit,
                    SiemStream::Security => ends.events,
                    SiemStream::Checkpoints => ends.checkpoints,
                };
                if !(1..=end + 1).contains(&sequence) {
                    return Err(invalid("from", format!("expected 1 to {}", end + 1)).into());
                }
                let cursors = read::before(&self.rooms, scope, stream, sequence).await?;
                Some((stream, sequence - 1, cursors.event_prev))
            }
        })
    }

    /// Sends an event that says nothing but that it arrived.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Vault`]; a receiver that refuses it is no error.
    pub async fn test(&self, permit: &Permit<ConfigureSiem>, id: SiemId) -> Result<Tried, Error> {
        let destination = self.destination(permit, id).await?;
        self.test_of(&destination).await
    }

    pub(crate) async fn test_of(&self, destination: &Destination) -> Result<Tried, Error> {
        let (_, exporter) = open(&self.rooms.vault, destination)?;
        let name = format!("test_{}", hex::encode(sender::entropy()));
        let event = Event::test(destination.scope, self.rooms.clock.now(), name);
        Ok(self.try_one(&*exporter, "test", &dress(&*exporter, &event)).await)
    }

    /// Events that a destination refused for good, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn dead_letters(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>, Error> {
        self.destination(permit, id).await?;
        Ok(self.rooms.store.siem_dead_letters(permit, id, page).await?)
    }

    /// Sends a dead letter again, read anew from where it stands; delivered, it is none any more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Gone`] when it was purged.
    pub async fn retry(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        letter: DeadLetterId,
    ) -> Result<Tried, Error> {
        let destination = self.destination(permit, id).await?;
        let letter = self.rooms.store.siem_dead_letter(permit, id, letter).await?.ok_or(Error::NotFound)?;
        let (_, exporter) = open(&self.rooms.vault, &destination)?;
        let event = read::one(&self.rooms, &exporter, permit.scope(), letter.stream, letter.seq).await?;
        let tried = self.try_one(&*exporter, letter.stream.as_str(), &event).await;
        let refused = (!tried.delivered).then(|| tried.answer.clone());
        self.rooms.store.settle_siem_dead_letter(permit, id, letter.id, refused, Effects::none()).await?;
        Ok(tried)
    }

    /// Gives a dead letter up.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn give_up(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        letter: DeadLetterId,
        effects: Effects,
    ) -> Result<(), Error> {
        Ok(self.rooms.store.settle_siem_dead_letter(permit, id, letter, None, effects).await?)
    }

    async fn try_one(&self, exporter: &dyn Exporter, stream: &'static str, event: &Rendered) -> Tried {
        let settings = &self.rooms.settings;
        let wire = Wire {
            egress: &self.rooms.egress,
            exporter,
            clock: &self.rooms.clock,
            timeout: settings.timeout,
            ask_every: settings.ask_every,
            ask_for: settings.timeout,
            failures: 0,
            strikes: settings.strikes,
        };
        let verdict = wire.attempt(&Part { stream, events: &[event], now: self.rooms.clock.now() }).await;
        let (delivered, answer) = match verdict {
            Verdict::Delivered | Verdict::Acknowledge(_) => (true, "delivered".to_owned()),
            Verdict::Bad { why, .. } | Verdict::TooLarge(why) => (false, why),
            Verdict::Stop(Stop::Again { why, .. } | Stop::Hold(why) | Stop::Broken(why) | Stop::Disable(why)) => {
                (false, why)
            }
            Verdict::Items(items) => match items.into_iter().next() {
                Some(crate::exporters::Item::Taken) => (true, "delivered".to_owned()),
                other => (false, format!("{other:?}")),
            },
        };
        Tried { delivered, answer }
    }

    async fn destination(&self, permit: &Permit<ConfigureSiem>, id: SiemId) -> Result<Destination, Error> {
        self.rooms.store.siem_destination(permit, id).await?.ok_or(Error::NotFound)
    }

    pub(crate) async fn status_of(&self, destination: Destination) -> Result<Status, Error> {
        let store = &self.rooms.store;
        let ends = store.siem_ends(SYSTEM, destination.scope).await?;
        let (wants, at) = (destination.wants, &destination.cursors);
        let behind = |wanted: bool, end: i64, cursor: i64| if wanted { (end - cursor).max(0) } else { 0 };
        let behind = Ends {
            audit: behind(wants.audit, ends.audit, at.audit),
            events: behind(wants.events, ends.events, at.events),
            checkpoints: behind(wants.checkpoints, ends.checkpoints, at.checkpoints),
        };
        let mut oldest_waiting = None;
        let waiting = [
            (behind.audit, SiemStream::Audit, at.audit),
            (behind.events, SiemStream::Security, at.events),
            (behind.checkpoints, SiemStream::Checkpoints, at.checkpoints),
        ];
        for (count, stream, after) in waiting {
            if count > 0 {
                let since = store.siem_waiting_since(SYSTEM, destination.scope, stream, after).await?;
                oldest_waiting = [oldest_waiting, since].into_iter().flatten().min();
            }
        }
        // Whoever lists must not fail because one key is not loaded.
        let secrets = unseal(&self.rooms.vault, &destination).map(|secrets| secrets.names()).unwrap_or_default();
        Ok(Status { destination, secrets, behind, oldest_waiting })
    }

    fn sealed(&self, scope: Scope, id: SiemId, setup: Setup, secrets: &Secrets) -> Result<DestinationSettings, Error> {
        let row = id.uuid().into_bytes();
        let sealed = self.rooms.vault.seal(Purpose::Settings, &bound(scope, &row), secrets.to_bytes().expose())?;
        Ok(DestinationSettings {
            name: setup.name,
            kind: setup.to.kind().to_owned(),
            wants: setup.streams.wants(),
            enabled: setup.enabled,
            settings: Kept { to: setup.to, batch: setup.batch }.json(),
            sealed,
        })
    }
}

fn bound(scope: domain::Scope, row: &[u8]) -> Bound<'_> {
    Bound { table: "siem_destinations", field: "sealed", scope: Some(scope), row, version: 1 }
}

fn unseal(vault: &Vault, destination: &Destination) -> Result<Secrets, Error> {
    let row = destination.id.uuid().into_bytes();
    let plain = vault.open(Purpose::Settings, &bound(destination.scope, &row), &destination.sealed)?;
    Secrets::from_bytes(plain.expose()).ok_or_else(|| invalid("secrets", "they cannot be read").into())
}

/// A destination's settings and its exporter.
pub(crate) fn open(vault: &Vault, destination: &Destination) -> Result<(Kept, Arc<dyn Exporter>), Error> {
    let kept = Kept::read(&destination.settings)?;
    let secrets = unseal(vault, destination)?;
    let exporter = exporter(destination.id, destination.scope, &kept.to, &secrets)?;
    Ok((kept, exporter))
}
