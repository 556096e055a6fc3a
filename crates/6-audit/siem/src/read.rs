//! What comes next for a destination: read in order, dressed for its vendor, and never more than fits one batch.

use std::sync::Arc;

use authz::{SystemPermit, act_as_system};
use domain::Scope;
use store::siem::{Cursors, SiemStream, chain_of};

use crate::{
    Error,
    event::{Event, NOTHING, hash_of, hash_of_note, is_security},
    exporters::{Exporter, Rendered, dress},
    siem::Rooms,
};

const SYSTEM: SystemPermit = act_as_system("delivery to a SIEM reads what comes next");
/// Rows that are in memory at once, dressed ones aside.
const PAGE: usize = 256;
/// Pages of events that are passed over in one read when none of them is to be sent.
const PAGES: usize = 16;

/// Part of a stream.
#[derive(Debug)]
pub(crate) struct Read {
    pub events: Vec<Rendered>,
    /// Where the cursor stands when all of it has been delivered: past what is not to be sent, too.
    pub end: Cursors,
    /// Whether there was more than fits.
    pub more: bool,
    /// Sequences that were purged before they were sent.
    pub lost: Option<(i64, i64)>,
}

/// How much at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub events: usize,
    pub bytes: usize,
}

struct Filling {
    read: Read,
    bytes: usize,
    most: Most,
}

impl Filling {
    /// Takes an event, unless it does not fit any more.
    fn take(&mut self, rendered: Rendered) -> bool {
        let full = self.read.events.len() >= self.most.events;
        let long = !self.read.events.is_empty() && self.bytes + rendered.bytes.len() > self.most.bytes;
        if full || long {
            self.read.more = true;
            return false;
        }
        self.bytes += rendered.bytes.len();
        self.read.events.push(rendered);
        true
    }
}

/// Reads what follows `after` in `stream`.
pub(crate) async fn read(
    rooms: Arc<Rooms>,
    exporter: Arc<dyn Exporter>,
    scope: Scope,
    stream: SiemStream,
    after: Cursors,
    most: Most,
) -> Result<Read, Error> {
    let read = Read { events: Vec::new(), end: after, more: false, lost: None };
    let mut filling = Filling { read, bytes: 0, most };
    match stream {
        SiemStream::Audit => audit(&rooms, &*exporter, scope, &mut filling).await?,
        SiemStream::Security => security(&rooms, &*exporter, scope, &mut filling).await?,
        SiemStream::Checkpoints => checkpoints(&rooms, &*exporter, scope, &mut filling).await?,
    }
    Ok(filling.read)
}

async fn audit(rooms: &Rooms, exporter: &dyn Exporter, scope: Scope, to: &mut Filling) -> Result<(), Error> {
    let chain = chain_of(scope);
    let name = chain.to_string();
    loop {
        let page = PAGE.min(to.most.events - to.read.events.len() + 1);
        let limit = u32::try_from(page).unwrap_or(1);
        let linked = rooms.recorder.entries_from(SYSTEM, &chain, to.read.end.audit + 1, limit).await?;
        let last = linked.len() < page;
        for entry in linked {
            let event = Event::audit(scope, &name, entry);
            if event.sequence > to.read.end.audit + 1 {
                to.read.lost = Some((to.read.end.audit + 1, event.sequence - 1));
            }
            let sequence = event.sequence;
            if !to.take(dress(exporter, &event)) {
                return Ok(());
            }
            to.read.end.audit = sequence;
        }
        if last {
            return Ok(());
        }
    }
}

async fn security(rooms: &Rooms, exporter: &dyn Exporter, scope: Scope, to: &mut Filling) -> Result<(), Error> {
    for _ in 0..PAGES {
        let limit = u32::try_from(PAGE).unwrap_or(1);
        let events = rooms.store.events_of_team(SYSTEM, scope.team, to.read.end.events, limit).await?;
        let last = events.len() < PAGE;
        for event in events {
            let sequence = event.sequence;
            if event.scope == scope && is_security(event.kind) {
                let hash = hash_of(&event);
                let previous = to.read.end.event_prev.clone();
                let event = Event::security(event, hash.clone(), previous);
                if !to.take(dress(exporter, &event)) {
                    return Ok(());
                }
                to.read.end.event_prev = hash;
            }
            to.read.end.events = sequence;
        }
        if last {
            return Ok(());
        }
    }
    to.read.more = true;
    Ok(())
}

async fn checkpoints(rooms: &Rooms, exporter: &dyn Exporter, scope: Scope, to: &mut Filling) -> Result<(), Error> {
    let chain = chain_of(scope);
    let number = |sequence: i64| u64::try_from(sequence).unwrap_or(0);
    let end = rooms.store.siem_ends(SYSTEM, scope).await?.checkpoints;
    let mut previous = match to.read.end.checkpoints {
        0 => NOTHING.to_owned(),
        after => {
            let shown = rooms.checkpoints.shown(&chain, Some(number(after))).await?;
            shown.as_ref().map_or_else(|| NOTHING.to_owned(), hash_of_note)
        }
    };
    while to.read.end.checkpoints < end {
        let next = to.read.end.checkpoints + 1;
        if let Some(shown) = rooms.checkpoints.shown(&chain, Some(number(next))).await? {
            let hash = hash_of_note(&shown);
            let event = Event::checkpoint(scope, shown, previous);
            if !to.take(dress(exporter, &event)) {
                return Ok(());
            }
            previous = hash;
        }
        to.read.end.checkpoints = next;
    }
    Ok(())
}

/// One event by its place, for a dead letter that is sent again.
pub(crate) async fn one(
    rooms: &Arc<Rooms>,
    exporter: &Arc<dyn Exporter>,
    scope: Scope,
    stream: SiemStream,
    sequence: i64,
) -> Result<Rendered, Error> {
    let before = before(rooms, scope, stream, sequence).await?;
    let most = Most { events: 1, bytes: usize::MAX };
    let read = read(rooms.clone(), exporter.clone(), scope, stream, before, most).await?;
    read.events.into_iter().find(|event| event.sequence == sequence).ok_or(Error::Gone)
}

/// The cursor that has `sequence` sent next.
pub(crate) async fn before(rooms: &Rooms, scope: Scope, stream: SiemStream, sequence: i64) -> Result<Cursors, Error> {
    let after = (sequence - 1).max(0);
    let mut cursors = Cursors { audit: after, events: after, event_prev: NOTHING.to_owned(), checkpoints: after };
    if stream == SiemStream::Security {
        let kinds = crate::event::security_kinds();
        let last = rooms.store.siem_event_before(SYSTEM, scope, sequence, &kinds).await?;
        cursors.event_prev = last.as_ref().map(hash_of).unwrap_or_default();
    }
    Ok(cursors)
}
