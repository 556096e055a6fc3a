//! The SIEM room of this server, and what its errors are to a client.

use std::time::Duration;

use domain::Clock;
use egress::Egress;
use recorder::{Checkpoints, Recorder};
use siem::{Parts, Settings, Siem};
use store::Store;
use vault::Vault;

use crate::{
    Config,
    problems::{Kind, Problem},
    rooms::Rooms,
};

/// Opens the room as the settings say.
pub fn open(
    config: &Config,
    (store, vault, recorder, checkpoints): (&Store, &Vault, &Recorder, &Checkpoints),
    egress: Egress,
    clock: &Clock,
) -> Siem {
    let timeout = Duration::from_secs(config.siem.timeout_seconds.clamp(1, 300));
    let settings = Settings {
        timeout,
        // a lease outlives everything that is sent under it
        lease: Duration::from_secs(config.siem.lease_seconds).max(timeout * 3),
        senders: config.siem.destinations.clamp(1, 256),
        lag_alert: Duration::from_secs(config.siem.lag_alert_seconds.max(1)),
        ..Settings::default()
    };
    Siem::new(Parts {
        store: store.clone(),
        vault: vault.clone(),
        recorder: recorder.clone(),
        checkpoints: checkpoints.clone(),
        egress,
        clock: clock.clone(),
        settings,
    })
}

/// Delivers until the server stops.
pub async fn run(rooms: Rooms) {
    rooms.siem.clone().run(rooms.shutdown.clone()).await;
}

impl From<siem::Error> for Problem {
    fn from(error: siem::Error) -> Self {
        use siem::Error as E;
        match error {
            E::Invalid(invalid) => Self::new(Kind::BadSiem).detail(invalid.to_string()),
            E::NotFound => Self::new(Kind::NotFound),
            E::Gone => Self::new(Kind::NotFound).detail("the event was purged: give the dead letter up"),
            E::Store(store::Error::Taken { .. }) => {
                Self::new(Kind::Conflict).detail("a destination of this name exists already")
            }
            E::Store(error) => error.into(),
            E::Vault(error) => error.into(),
            E::Trail(error) => error.into(),
        }
    }
}
