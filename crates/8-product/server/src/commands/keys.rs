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
    store.close().await;
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

/// Wraps every data key under the present root key, while servers that have both keys serve on; afterwards the earlier
/// keys are needed by nothing.
///
/// # Errors
/// [`Error`]: nothing was changed.
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
    let rotated = vault::rotate(&roots, &store, store::Effects::none()).await;
    let result = if rotated.is_ok() { domain::AuditResult::Succeeded } else { domain::AuditResult::Failed };
    intent.outcome(result, serde_json::json!({})).await?;
    let status = rotated?;
    store.close().await;
    if !status.is_rotated() {
        return Err(Error::Start("some data keys are still under an earlier root key".to_owned()));
    }
    println!("every data key is under root key {:08x}; keys.previous can be removed", status.present);
    Ok(())
}
