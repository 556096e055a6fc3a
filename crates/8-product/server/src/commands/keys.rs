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
