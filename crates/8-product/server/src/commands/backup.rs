//! Everything the database holds, to a file and back.

use std::path::Path;

use crate::{Config, clock, start};

use super::Error;

/// Writes a backup that works for SQLite and PostgreSQL alike.
///
/// # Errors
/// [`Error`]; the file must not exist.
pub async fn backup(config: Config, file: &Path) -> Result<(), Error> {
    let rows = store::dump(&start::store_config(&config)?, file).await?;
    println!("wrote {rows} rows to {}", file.display());
    println!(
        "The values in it are sealed: keep the root key ({}) apart from it, and do not lose it.",
        config.data.folder.join("root.key").display()
    );
    Ok(())
}

/// Reads a backup into an empty database.
///
/// # Errors
/// [`Error`]; a database that holds anything is refused.
pub async fn restore(config: Config, file: &Path) -> Result<(), Error> {
    start::data_folder(&config)?;
    let store = start::store_config(&config)?;
    store::migrate(&store, &clock()).await?;
    let rows = store::restore(&store, file).await?;
    println!("read {rows} rows");
    Ok(())
}
