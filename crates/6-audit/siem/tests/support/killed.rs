//! A sender in a process of its own, to be killed.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use siem::Settings;
use store::{Location, StoreConfig};
use tokio_util::sync::CancellationToken;

use super::{Room, quick};

const FOLDER: &str = "NODELOOM_SIEM_TEST_FOLDER";

/// Starts this very program again, as the sender over the database in `folder`.
pub fn sender(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["the_sender_that_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Delivers until it is killed. Leases are short, so that the next one need not wait long.
pub async fn deliver_for_ever() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let config = StoreConfig::at(Location::Sqlite(folder.join("test.db")));
    let settings = Settings {
        lease: Duration::from_millis(1200),
        timeout: Duration::from_millis(500),
        ask_for: Duration::from_millis(50),
        ..quick()
    };
    let room = Room::open(&config, folder, settings).await;
    room.siem.clone().run(CancellationToken::new()).await;
}
