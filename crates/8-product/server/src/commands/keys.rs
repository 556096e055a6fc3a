//! Encryption keys.

use crate::{Config, clock, start};

use super::Error;

/// A new root key, as text.
///
/// # Errors
/// The system gave no random bytes.
pub fn keys_generate() -> Result<String, Error> {
    Ok(vault::keys::generate()?.expose().clone())
}

/// Which keys the database needs, and which are loaded.
///
/// # Errors
/// [`Error`]; a key that is missing is an error, so that the exit code says so.
pub async fn keys_status(config: Config) -> Result<(), Error> {
    let store = start::store(&config, &clock()).await?;
    let (roots, _) = start::root_keys(&config)?;
    let status = vault::status(&roots, &store).await?;
    println!("present root key   {:08x}", status.present);
    for id in &status.previous {
        println!("previous root key  {id:08x}");
    }
    for (id, count) in &status.wrapped_by {
        println!("{count} data keys under {id:08x}");
    }
    print_sealed(&status);
    store.close().await;
    if !status.unknown.is_empty() {
        let ids: Vec<_> = status.unknown.iter().map(u32::to_string).collect();
        let keys = ids.join(", ");
        return Err(Error::Start(format!("values are sealed with data keys that are not in the database: {keys}")));
    }
    match status.missing.as_slice() {
        [] => Ok(()),
        missing => {
            let ids: Vec<_> = missing.iter().map(|id| format!("{id:08x}")).collect();
            Err(Error::Start(format!(
                "the database needs root keys that are not loaded: {}; add them to keys.previous",
                ids.join(", ")
            )))
        }
    }
}

/// Which data key seals how many values of each column.
fn print_sealed(status: &vault::KeyStatus) {
    for (column, keys) in &status.sealed {
        for (key, values) in keys {
            let state = if status.active.contains(key) { "seals now" } else { "EARLIER: run `nodeloom keys rotate`" };
            println!("{values:>8} values of {column} under data key {key} ({state})");
        }
    }
}

/// Wraps every data key under the present root key and seals every value anew with the next data key, while servers
/// that have both root keys serve on; afterwards the earlier keys are needed by nothing. One that was cut off is
/// finished by the next.
///
/// # Errors
/// [`Error`]: values are whole, under the one key or the other.
pub async fn keys_rotate(config: Config) -> Result<(), Error> {
    let clock = clock();
    let store = start::store(&config, &clock).await?;
    let (roots, _) = start::root_keys(&config)?;
    let vault = vault::Vault::start(&roots, store.clone()).await?;
    // The signing key is kept under a data key from here on at the latest, so that it does not change with the root.
    start::checkpoints(&config, &vault, &store, &clock).await?;
    let recorder = recorder::Recorder::new(store.clone(), vault, clock);
    let act = recorder::Act {
        scope: None,
        subject: crate::request::nobody(None),
        request: None,
        operation: crate::operation::Operation::RotateKeys.name().to_owned(),
        target: None,
        detail: serde_json::json!({}),
    };
    let intent = recorder.intent(act).await?;
    let rotated = vault::rotate(&roots, &store, vault::Pace::default(), store::Effects::none()).await;
    let result = if rotated.is_ok() { domain::AuditResult::Succeeded } else { domain::AuditResult::Failed };
    intent.outcome(result, serde_json::json!({})).await?;
    let status = rotated?;
    store.close().await;
    if !status.is_rotated() {
        return Err(Error::Start("some data keys are still under an earlier root key".to_owned()));
    }
    print_sealed(&status);
    println!("0 values are under an earlier data key");
    println!("every data key is under root key {:08x}; keys.previous can be removed", status.present);
    Ok(())
}
