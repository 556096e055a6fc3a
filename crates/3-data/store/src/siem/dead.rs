//! Events that a receiver refused: which, and why. The event itself is read again from where it stands.

use authz::{Permit, action::ConfigureSiem};
use domain::{DeadLetterId, Scope, SiemId, Timestamp};

use super::SiemStream;
use crate::{
    Effects, Error, Page, PageRequest, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
    page::Cursor,
};

/// An event that was refused just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    pub id: DeadLetterId,
    pub stream: SiemStream,
    pub seq: i64,
    /// The event's own id.
    pub event: String,
    pub reason: String,
    pub at: Timestamp,
}

/// An event that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub destination: SiemId,
    pub stream: SiemStream,
    pub seq: i64,
    pub event: String,
    pub reason: String,
    /// How often it was refused.
    pub tries: u32,
    /// The last time.
    pub at: Timestamp,
}

pub(super) async fn keep(tx: &mut Tx, destination: SiemId, scope: Scope, letter: &NewDeadLetter) -> Result<()> {
    tx.run(
        "INSERT INTO siem_dead_letters (id, destination, team, environment, stream, seq, event, reason, tries, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9) ON CONFLICT (destination, stream, seq) \
         DO UPDATE SET reason = excluded.reason, at = excluded.at, tries = siem_dead_letters.tries + 1",
        binds![
            letter.id,
            destination,
            scope.team,
            scope.environment,
            letter.stream.as_str(),
            letter.seq,
            &letter.event,
            &letter.reason,
            letter.at
        ],
    )
    .await?;
    Ok(())
}

const PAGE: &str = "SELECT id, destination, stream, seq, event, reason, tries, at FROM siem_dead_letters \
                    WHERE team = $1 AND environment = $2 AND destination = $3 AND ($4 IS NULL OR id > $4) \
                    ORDER BY id LIMIT $5";

impl Store {
    /// The dead letters of a destination, oldest first.
    pub async fn siem_dead_letters(
        &self,
        permit: &Permit<ConfigureSiem>,
        destination: SiemId,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>> {
        let Scope { team, environment } = permit.scope();
        let binds = binds![team, environment, destination, page.after_id()?, page.to_read()];
        let rows = self.db().all(PAGE, binds).await?;
        let letters = rows.iter().map(letter).collect::<Result<_>>()?;
        Ok(Page::cut(letters, page, |letter: &DeadLetter| Cursor::at_id(letter.id.uuid())))
    }

    /// One of them.
    pub async fn siem_dead_letter(
        &self,
        permit: &Permit<ConfigureSiem>,
        destination: SiemId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>> {
        let Scope { team, environment } = permit.scope();
        let sql = "SELECT id, destination, stream, seq, event, reason, tries, at FROM siem_dead_letters \
                   WHERE team = $1 AND environment = $2 AND destination = $3 AND id = $4";
        self.db().optional(sql, binds![team, environment, destination, id]).await?.as_ref().map(letter).transpose()
    }

    /// A dead letter was sent again: it is gone, or was refused again for `refused`.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn settle_siem_dead_letter(
        &self,
        permit: &Permit<ConfigureSiem>,
        destination: SiemId,
        id: DeadLetterId,
        refused: Option<String>,
        effects: Effects,
    ) -> Result<()> {
        let given = (permit.scope(), destination, id, refused, self.now());
        self.write(effects, given, |(scope, destination, id, refused, now), tx| {
            Box::pin(async move {
                let touched = match refused {
                    None => {
                        let sql = "DELETE FROM siem_dead_letters \
                                   WHERE team = $1 AND environment = $2 AND destination = $3 AND id = $4";
                        tx.run(sql, binds![scope.team, scope.environment, *destination, *id]).await?
                    }
                    Some(reason) => {
                        let sql = "UPDATE siem_dead_letters SET reason = $5, at = $6, tries = tries + 1 \
                                   WHERE team = $1 AND environment = $2 AND destination = $3 AND id = $4";
                        let binds = binds![scope.team, scope.environment, *destination, *id, reason, *now];
                        tx.run(sql, binds).await?
                    }
                };
                Error::unless_touched(touched, "the dead letter")
            })
        })
        .await
    }
}

fn letter(row: &Row) -> Result<DeadLetter> {
    let stream: String = row.get("stream")?;
    Ok(DeadLetter {
        id: row.get("id")?,
        destination: row.get("destination")?,
        stream: SiemStream::read(&stream).ok_or_else(|| Error::corrupt("stream", "it names no stream"))?,
        seq: row.get("seq")?,
        event: row.get("event")?,
        reason: row.get("reason")?,
        tries: row.get("tries")?,
        at: row.get("at")?,
    })
}
