//! Commands that work on this machine's settings and database.

use std::{ffi::OsString, future::Future, path::Path, process::ExitCode};

use server::{Config, commands};

use crate::cli::Settings;

/// Says what went wrong, with every cause, and gives exit code 1.
pub fn fail(error: &dyn std::error::Error) -> ExitCode {
    let mut text = format!("nodeloom: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(&format!(": {more}"));
        }
        cause = error.source();
    }
    eprintln!("{text}");
    ExitCode::from(1)
}

/// Runs `work` to its end on a runtime of its own.
pub fn wait<T>(work: impl Future<Output = T>) -> Result<T, std::io::Error> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work))
}

fn with_config<F, W>(settings: &Settings, work: W) -> ExitCode
where
    W: FnOnce(Config) -> F,
    F: Future<Output = Result<(), commands::Error>>,
{
    let config = match Config::load(settings.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            fail(&error);
            return ExitCode::from(2);
        }
    };
    match wait(work(config)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

pub fn serve(settings: &Settings) -> ExitCode {
    with_config(settings, commands::serve)
}
pub fn worker(settings: &Settings) -> ExitCode {
    with_config(settings, commands::worker)
}
pub fn migrate(settings: &Settings) -> ExitCode {
    with_config(settings, commands::migrate)
}
pub fn setup_link(settings: &Settings) -> ExitCode {
    with_config(settings, commands::setup_link)
}
pub fn user(settings: &Settings, email: String, act: commands::UserAct) -> ExitCode {
    with_config(settings, async |config| commands::user(config, email, act).await)
}
pub fn backup(settings: &Settings, file: &Path) -> ExitCode {
    with_config(settings, async |config| commands::backup(config, file).await)
}
pub fn restore(settings: &Settings, file: &Path) -> ExitCode {
    with_config(settings, async |config| commands::restore(config, file).await)
}
pub fn keys_status(settings: &Settings) -> ExitCode {
    with_config(settings, commands::keys_status)
}
pub fn keys_rotate(settings: &Settings) -> ExitCode {
    with_config(settings, commands::keys_rotate)
}
pub fn audit_export(settings: &Settings, file: &Path) -> ExitCode {
    with_config(settings, async |config| commands::audit_export(config, file).await)
}

pub fn audit_verify(settings: &Settings, file: Option<&Path>, trusted: &commands::Trusted, json: bool) -> ExitCode {
    if let Some(file) = file {
        return match commands::audit_verify_file(file, trusted, json) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    with_config(settings, async |config| commands::audit_verify(config, trusted, json).await)
}

pub fn audit_prove(
    settings: &Settings,
    chain: String,
    entry: Option<String>,
    (from, to): (u64, Option<u64>),
    out: Option<&Path>,
) -> ExitCode {
    let claim = match entry {
        Some(entry) => commands::Claim::Entry { chain, entry },
        None => commands::Claim::Consistency { chain, from, to },
    };
    with_config(settings, async |config| commands::audit_prove(config, &claim, out).await)
}
pub fn audit_key(settings: &Settings) -> ExitCode {
    with_config(settings, commands::audit_key)
}
pub fn audit_purge(settings: &Settings, before: &str, chain: Option<&str>) -> ExitCode {
    with_config(settings, async |config| commands::audit_purge(config, before, chain).await)
}
pub fn audit_erase(settings: &Settings, person: &str) -> ExitCode {
    with_config(settings, async |config| commands::audit_erase(config, person).await)
}

pub fn siem(settings: &Settings, act: commands::SiemAct) -> ExitCode {
    with_config(settings, async |config| commands::siem(config, act).await)
}

pub fn config_check(settings: &Settings) -> ExitCode {
    with_config(settings, async |config| commands::config_check(config).await)
}

pub fn config_reference() -> ExitCode {
    print!("{}", server::config_reference());
    ExitCode::SUCCESS
}

pub fn keys_generate() -> ExitCode {
    match commands::keys_generate() {
        Ok(key) => {
            println!("{key}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

pub fn guard(rest: Vec<String>) -> ExitCode {
    ExitCode::from(u8::try_from(guardrails::cli::main(rest)).unwrap_or(2))
}

pub fn sandbox(rest: Vec<OsString>) -> ExitCode {
    ExitCode::from(u8::try_from(sandbox::cli::main(rest, server::clock())).unwrap_or(2))
}
