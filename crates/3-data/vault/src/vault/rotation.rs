//! What `nodeloom keys status` and `nodeloom keys rotate` do.
//!
//! A rotation has two halves. Every data key is wrapped under the present root key, in one transaction. Then every
//! purpose moves on to its next data key and every sealed value is sealed anew under it, page by page, while servers
//! read and write: a value is replaced only if it is still the one that was read, and the next key has been loaded by
//! every server before the first value is under it. The state of a rotation is in the rows alone, so one that was cut
//! off is finished by the next. At the end the rows are counted by the key that seals them: that count is the proof.

use std::{collections::BTreeMap, time::Duration};

use authz::{SystemPermit, act_as_system};
use domain::{RunId, Secret, Timestamp};
use store::{DataKeyRow, Effects, SEALED_COLUMNS, SealedColumn, SealedKind, SealedRow, Store};

use super::{Keys, Purpose};
use crate::{Bound, Error, OpenError, RootKeys, RunKey, data_key::DataKey, seal};

/// The name under which the seed of the audit trail's signing key is kept, as hexadecimal text, among the settings.
const SEED: &str = "audit_signing_seed";
const PAGE: u32 = 1000;
/// A server that runs on seals with the earlier key until it has heard of the new one; looking again finds those.
const MOST_SWEEPS: u32 = 20;

/// How a rotation gives running servers time.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the next data key must have been there before it seals, and how long to wait before looking for values
    /// that were sealed with the one before it: longer than servers take to look ([`super::Vault::refresh`]).
    pub settle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: Duration::from_secs(15) }
    }
}

/// Which keys are loaded, which the database needs, and what each data key seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The present root key.
    pub present: u32,
    /// Ids of the previous root keys that were given.
    pub previous: Vec<u32>,
    /// How many data keys each root key wraps.
    pub wrapped_by: BTreeMap<u32, usize>,
    /// Root keys that data keys need and that were not given: the server does not start without them.
    pub missing: Vec<u32>,
    /// How many values of each column (`table.field`) each data key seals.
    pub sealed: BTreeMap<String, BTreeMap<u32, u64>>,
    /// The data keys that seal now.
    pub active: Vec<u32>,
    /// Data keys that values need and that are not in the database: those values do not open.
    pub unknown: Vec<u32>,
}

impl KeyStatus {
    /// Whether the previous root keys can be taken out of the configuration.
    pub fn is_rotated(&self) -> bool {
        self.wrapped_by.keys().all(|id| *id == self.present)
    }
    /// Values that an earlier data key seals.
    pub fn left_behind(&self) -> u64 {
        let counts = self.sealed.values().flatten();
        counts.filter(|(key, _)| !self.active.contains(key)).map(|(_, count)| count).sum()
    }
}

/// Reads which keys the database needs; opens nothing.
///
/// # Errors
/// [`Error::Store`]; [`Error::Open`] when a stored key is not a sealed value.
pub async fn status(roots: &RootKeys, store: &Store) -> Result<KeyStatus, Error> {
    let system = act_as_system("keys status counts keys and what they seal");
    let (mut wrapped_by, mut active, mut known) = (BTreeMap::new(), Vec::new(), Vec::new());
    for row in store.data_keys(system).await? {
        *wrapped_by.entry(seal::key_id(&row.wrapped)?).or_insert(0) += 1;
        known.push(row.id);
        if row.active {
            active.push(row.id);
        }
    }
    let mut sealed = BTreeMap::new();
    for column in SEALED_COLUMNS {
        let counts: BTreeMap<u32, u64> = store.seals_of(system, column).await?.into_iter().collect();
        if !counts.is_empty() {
            sealed.insert(format!("{}.{}", column.table, column.field), counts);
        }
    }
    if let Some((blob, _)) = seed(store, system).await? {
        sealed.insert(format!("settings.{SEED}"), BTreeMap::from([(seal::key_id(&blob)?, 1)]));
    }
    let missing = wrapped_by.keys().copied().filter(|id| roots.find(*id).is_none()).collect();
    let mut unknown: Vec<u32> =
        sealed.values().flat_map(BTreeMap::keys).copied().filter(|id| !known.contains(id)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let ids = roots.ids();
    Ok(KeyStatus { present: ids[0], previous: ids[1..].to_vec(), wrapped_by, missing, sealed, active, unknown })
}

/// Wraps every data key under the present root key, moves every purpose on to its next data key, and seals every value
/// anew, while servers serve on. A rotation that was cut off goes on where it stopped. `effects` are stored with the
/// first half. Afterwards no value is under an earlier key: [`KeyStatus::left_behind`] is zero.
///
/// # Errors
/// [`Error::Open`] when a key or a value does not open (nothing of it was changed); [`Error::LeftBehind`] when servers
/// go on sealing with an earlier key: they run a version that does not look for new ones.
pub async fn rotate(roots: &RootKeys, store: &Store, pace: Pace, effects: Effects) -> Result<KeyStatus, Error> {
    let system = act_as_system("keys rotate seals everything anew");
    rewrap(roots, store, system, effects).await?;
    let before = status(roots, store).await?;
    if before.left_behind() == 0 {
        move_on(roots, store, system, pace).await?;
    }
    let keys = Keys::unwrap(roots, store.data_keys(system).await?)?;
    for sweep in 0..MOST_SWEEPS {
        let mut changed = 0;
        for column in SEALED_COLUMNS {
            changed += reseal(store, system, &keys, column).await?;
        }
        changed += reseal_seed(store, system, &keys).await?;
        if changed == 0 && sweep > 0 {
            break;
        }
        tokio::time::sleep(pace.settle).await;
    }
    let after = status(roots, store).await?;
    match after.left_behind() {
        0 => Ok(after),
        values => Err(Error::LeftBehind { values }),
    }
}

async fn rewrap(roots: &RootKeys, store: &Store, system: SystemPermit, effects: Effects) -> Result<(), Error> {
    let mut rows = Vec::new();
    for row in store.data_keys(system).await? {
        if seal::key_id(&row.wrapped)? == roots.present().id() {
            continue;
        }
        let purpose = Purpose::read(&row.purpose).unwrap_or(Purpose::Settings);
        let wrapped = DataKey::unwrap(roots, row.id, purpose, &row.wrapped)?.wrap(roots)?;
        rows.push(DataKeyRow { wrapped, ..row });
    }
    Ok(store.rewrap_data_keys(system, rows, effects).await?)
}

/// Every purpose seals with its next key from here on, and has another that stands by.
async fn move_on(roots: &RootKeys, store: &Store, system: SystemPermit, pace: Pace) -> Result<(), Error> {
    let mut rows = store.data_keys(system).await?;
    let mut made = false;
    for purpose in Purpose::ALL {
        if !has(&rows, purpose, false) {
            store.keep_data_key(system, fresh(roots, &rows, purpose, false)?).await?;
            rows = store.data_keys(system).await?;
            made = true;
        }
    }
    // A key that was made this moment is not in every server's hands yet. Its age is not asked of clocks: a key that is
    // not from this rotation was there at a start, or at the end of the rotation before, and both waited.
    if made {
        tokio::time::sleep(pace.settle).await;
    }
    let next = Purpose::ALL.iter().filter_map(|purpose| Some((purpose.as_str(), standing_by(&rows, *purpose)?.id)));
    store.activate_data_keys(system, next.collect(), Effects::none()).await?;
    for purpose in Purpose::ALL {
        let rows = store.data_keys(system).await?;
        store.keep_data_key(system, fresh(roots, &rows, purpose, false)?).await?;
    }
    Ok(())
}

fn of(rows: &[DataKeyRow], purpose: Purpose) -> impl Iterator<Item = &DataKeyRow> {
    rows.iter().filter(move |row| row.purpose == purpose.as_str())
}

/// The key after the one that seals.
fn standing_by(rows: &[DataKeyRow], purpose: Purpose) -> Option<&DataKeyRow> {
    let active = of(rows, purpose).find(|row| row.active)?.id;
    of(rows, purpose).filter(|row| row.id > active).min_by_key(|row| row.id)
}

pub(super) fn has(rows: &[DataKeyRow], purpose: Purpose, active: bool) -> bool {
    if active { of(rows, purpose).any(|row| row.active) } else { standing_by(rows, purpose).is_some() }
}

/// A new data key, to be stored.
pub(super) fn fresh(
    roots: &RootKeys,
    rows: &[DataKeyRow],
    purpose: Purpose,
    active: bool,
) -> Result<DataKeyRow, Error> {
    let id = rows.iter().map(|row| row.id).max().unwrap_or(0) + 1;
    let wrapped = DataKey::new(id, purpose, seal::random_key()?)?.wrap(roots)?;
    Ok(DataKeyRow { id, purpose: purpose.as_str().to_owned(), wrapped, active, at: Timestamp::from_micros(0) })
}

/// Seals every value of a column that is under an earlier key anew; how many there were.
async fn reseal(store: &Store, system: SystemPermit, keys: &Keys, column: &SealedColumn) -> Result<u64, Error> {
    let purpose = Purpose::read(column.purpose).unwrap_or(Purpose::Settings);
    let active = keys.active(purpose)?.key.id();
    let (mut after, mut changed) = (None, 0);
    loop {
        let rows = store.sealed_rows(system, column, after.take(), PAGE).await?;
        let Some(last) = rows.last() else { return Ok(changed) };
        after = Some(last.key.clone());
        let full = rows.len() == PAGE as usize;
        let mut anew = Vec::new();
        for row in rows {
            if seal::key_id(&row.sealed)? != active {
                anew.push((row.key.clone(), sealed_anew(keys, purpose, column, &row)?, row.sealed));
            }
        }
        changed += anew.len() as u64;
        if !anew.is_empty() {
            store.reseal(system, column, anew).await?;
        }
        if !full {
            return Ok(changed);
        }
    }
}

fn sealed_anew(keys: &Keys, purpose: Purpose, column: &SealedColumn, row: &SealedRow) -> Result<Vec<u8>, Error> {
    let (old, new) = (keys.key_of(purpose, &row.sealed)?, keys.active(purpose)?);
    match column.kind {
        SealedKind::Value => {
            let (table, field) = column.bound;
            let place = Bound { table, field, scope: row.scope, row: &row.row, version: row.version }.associated_data();
            new.key.seal(&place, old.key.open(&place, &row.sealed)?.expose())
        }
        SealedKind::RunKey => {
            let scope = row.scope.ok_or(OpenError::Tampered)?;
            let run = uuid::Uuid::from_slice(&row.row).map_err(|_| OpenError::Tampered)?;
            let key = RunKey::unwrap((old.key.id(), old.bytes.expose()), scope, RunId::from_uuid(run), &row.sealed)?;
            key.rewrapped((new.key.id(), new.bytes.expose())).ok_or(Error::Random)?
        }
    }
}

/// The sealed seed of the signing key, and the place it is sealed for.
async fn seed(store: &Store, system: SystemPermit) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
    let Some(kept) = store.setting(system, store::records::SettingOf::Instance, SEED).await? else { return Ok(None) };
    let blob = kept.as_str().and_then(|text| hex::decode(text).ok()).ok_or(OpenError::NotSealed)?;
    let bound = Bound { table: "settings", field: "value", scope: None, row: SEED.as_bytes(), version: 1 };
    Ok(Some((blob, bound.associated_data())))
}

async fn reseal_seed(store: &Store, system: SystemPermit, keys: &Keys) -> Result<u64, Error> {
    let Some((blob, place)) = seed(store, system).await? else { return Ok(0) };
    let new = keys.active(Purpose::Settings)?;
    if seal::key_id(&blob)? == new.key.id() {
        return Ok(0);
    }
    let plain: Secret<Vec<u8>> = keys.key_of(Purpose::Settings, &blob)?.key.open(&place, &blob)?;
    // The seed never changes, so there is nobody to be overtaken.
    let sealed = hex::encode(new.key.seal(&place, plain.expose())?);
    let of = store::records::SettingOf::Instance;
    store.set_setting(system, of, SEED.to_owned(), sealed.into(), Effects::none()).await?;
    Ok(1)
}
