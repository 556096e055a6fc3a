//! The sandbox for users' code, as the settings want it: a setting that cannot be met stops the start, a host that cannot
//! keep the guarantees stops code and nothing else.

use std::{collections::BTreeSet, time::Duration};

use domain::Clock;
use engine::effects::CodeLimits;
use sandbox::{Guarantee, Limits, Sandbox, SandboxConfig};

use crate::{commands::Error, config::SandboxSettings};

/// The most that a call of code may ask for, for all teams and for single ones.
pub fn limits(settings: &SandboxSettings) -> CodeLimits {
    let make = |seconds: u64, memory_mb: u64| Limits {
        wall_clock: Duration::from_secs(seconds.max(1)),
        cpu_time: Duration::from_secs(seconds.max(1)),
        memory_bytes: memory_mb.max(16).saturating_mul(1024 * 1024),
        ..Limits::default()
    };
    let mut limits = CodeLimits::from(make(settings.max_seconds, settings.max_memory_mb));
    for (team, own) in &settings.teams {
        let seconds = own.max_seconds.unwrap_or(settings.max_seconds);
        limits.set(*team, make(seconds, own.max_memory_mb.unwrap_or(settings.max_memory_mb)));
    }
    limits
}

/// Starts it; `None` when code is switched off, or when this host cannot start it at all.
///
/// # Errors
/// A setting names what does not exist.
pub async fn open(settings: &SandboxSettings, clock: &Clock) -> Result<Option<Sandbox>, Error> {
    if !settings.enabled {
        return Ok(None);
    }
    let config = config(settings)?;
    match Sandbox::start(config, clock.clone()).await {
        Ok(sandbox) => {
            let choice = sandbox.choice();
            match sandbox.ready() {
                Ok(()) => tracing::info!(backend = choice.backend, why = choice.why, "code nodes run in containers"),
                Err(error) => tracing::warn!(%error, backend = choice.backend, "code nodes will not run on this host"),
            }
            Ok(Some(sandbox))
        }
        Err(error @ sandbox::Error::BadRoot { .. }) => Err(Error::Start(format!("sandbox.root: {error}"))),
        Err(error) => {
            tracing::warn!(%error, "code nodes will not run on this host");
            Ok(None)
        }
    }
}

fn config(settings: &SandboxSettings) -> Result<SandboxConfig, Error> {
    let mut config = SandboxConfig {
        backend: settings.backend,
        oci_runtime: settings.oci_runtime.clone(),
        docker_socket: settings.docker_socket.clone(),
        root: settings.root.clone(),
        idle_launchers: settings.pool,
        ..SandboxConfig::default()
    };
    config.required.extend(guarantees("required", &settings.required)?);
    config.required_in_full = guarantees("required_in_full", &settings.required_in_full)?;
    Ok(config)
}

fn guarantees(key: &str, names: &[String]) -> Result<BTreeSet<Guarantee>, Error> {
    let find = |name: &String| Guarantee::ALL.iter().find(|guarantee| guarantee.name() == name).copied();
    let unknown = |name: &String| {
        let all: Vec<_> = Guarantee::ALL.iter().map(|guarantee| guarantee.name()).collect();
        Error::Start(format!("sandbox.{key}: there is no guarantee {name:?}; there are {}", all.join(", ")))
    };
    names.iter().map(|name| find(name).ok_or_else(|| unknown(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn settings(text: &str) -> Result<SandboxSettings, String> {
        let nothing = std::collections::BTreeMap::new();
        let config = Config::from_parts(text, std::path::Path::new("x.toml"), &nothing);
        config.map(|config| config.sandbox).map_err(|error| error.to_string())
    }

    fn team(n: u8) -> domain::TeamId {
        domain::TeamId::new(domain::Timestamp::from_micros(0), [n; 10])
    }

    /// R119, R120, R122: a team's own maxima stand where it has some, and those of all teams elsewhere.
    #[test]
    fn a_team_may_have_maxima_of_its_own() {
        let (one, other) = (team(1), team(2));
        let text = format!("[sandbox]\nmax_seconds = 20\n[sandbox.teams]\n\"{one}\" = {{ max_seconds = 2 }}");
        let limits = limits(&settings(&text).unwrap());
        assert_eq!((limits.of(one).wall_clock.as_secs(), limits.of(other).wall_clock.as_secs()), (2, 20));
        assert_eq!(limits.of(one).memory_bytes, limits.of(other).memory_bytes);
    }

    #[test]
    fn misspelt_backends_guarantees_and_teams_stop_the_start() {
        let told = settings("[sandbox]\nbackend = \"podman\"").unwrap_err();
        assert!(told.contains("podman") && told.contains("native"), "{told}");
        let told = settings("[sandbox.teams]\nmine = { max_seconds = 2 }").unwrap_err();
        assert!(told.contains("mine") || told.contains("team"), "{told}");
        let told = config(&settings("[sandbox]\nrequired_in_full = [\"speed\"]").unwrap()).unwrap_err().to_string();
        assert!(told.contains("sandbox.required_in_full") && told.contains("no_network"), "{told}");
    }

    /// A backend that is asked for and not there runs nothing, and no other takes its place.
    #[tokio::test]
    async fn a_backend_that_is_not_there_is_not_replaced() {
        let text = "[sandbox]\nbackend = \"docker\"\ndocker_socket = \"/nowhere/docker.sock\"";
        let clock = Clock::new(|| domain::Timestamp::from_micros(0));
        let sandbox = open(&settings(text).unwrap(), &clock).await.unwrap().unwrap();
        let refused = sandbox.ready().unwrap_err().to_string();
        assert!(refused.contains("/nowhere/docker.sock"), "{refused}");
        assert_eq!(sandbox.choice().backend, "docker");
    }
}
