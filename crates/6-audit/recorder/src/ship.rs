//! The trail in order, opened, for whoever delivers it elsewhere.

use authz::SystemPermit;
use chain::verify::{decode, unpack};
use store::{ChainKey, StoredEntry};

use crate::{Error, Recorder, ShownEntry};

/// An entry with its link.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked {
    pub shown: ShownEntry,
    /// The hash of the entry before, in hexadecimal.
    pub previous: String,
}

impl Recorder {
    /// Up to `limit` entries of a chain from sequence `from` on, in order. What was purged is not there: the first one
    /// may have a later sequence.
    ///
    /// # Errors
    /// As [`Recorder::entries`].
    pub async fn entries_from(
        &self,
        system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        limit: u32,
    ) -> Result<Vec<Linked>, Error> {
        let stored = self.rooms.store.audit_range(system, chain, from, limit).await?;
        let mut linked = Vec::with_capacity(stored.len());
        for entry in stored {
            linked.push(self.linked(entry).await?);
        }
        Ok(linked)
    }

    async fn linked(&self, stored: StoredEntry) -> Result<Linked, Error> {
        let (bytes, ..) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
        let previous = decode(bytes).map_err(|_| Error::Corrupt("an entry"))?.previous;
        Ok(Linked { shown: self.show(stored).await?, previous: hex::encode(previous) })
    }
}
