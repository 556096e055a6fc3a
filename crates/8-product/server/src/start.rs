//! Opening the rooms, in the order in which they need each other.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::hmac;
use domain::{Clock, Secret};
use egress::{Egress, Policy};
use engine::{Engine, EngineParts, ports::Entropy};
use guardrails::Guardrails;
use identity::{Identity, Keys, Passwords};
use local_models::LocalModel;
use models::{LocalChat, Models};
use recorder::{ChainLinker, Checkpoints, CheckpointsConfig, Recorder, SigningKey};
use store::{Effects, Location, Store, StoreConfig, records::SettingOf};
use tokio_util::sync::CancellationToken;
use vault::{Bound, Purpose, RootKeys, Vault};

use crate::{
    Config, clock,
    commands::Error,
    rooms::{Inner, Months, Plans, Post, RightsNow, Rooms, Slugs, StoredIdentities, TeamGuards, Trail, ports},
};

/// What this process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes requests, and drives runs unless `engine.workers` is 0.
    Server,
    /// Only drives runs.
    Worker,
}

/// The store's settings out of ours.
pub fn store_config(config: &Config) -> Result<StoreConfig, Error> {
    let mut store = match &config.database.url {
        Some(url) => StoreConfig::from_url(url)?,
        None => StoreConfig::at(Location::Sqlite(config.data.folder.join("nodeloom.db"))),
    };
    store.retry_window = Duration::from_secs(config.database.retry_seconds);
    Ok(store)
}

/// The data folder, made private when it is not there.
pub fn data_folder(config: &Config) -> Result<&Path, Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = config.data.folder.as_path();
    if !folder.is_dir() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
    }
    Ok(folder)
}

/// Writes a file that only we may read; it must not exist.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let wrong = |source| Error::Folder { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(wrong)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)
}

/// The root keys, from the settings or from the key file, which the first start makes (R083–R086).
pub fn root_keys(config: &Config) -> Result<(RootKeys, Secret<String>), Error> {
    let present = match (&config.keys.root, key_file(config)) {
        (Some(text), _) => Secret::new(text.clone()),
        (None, path) => match fs::read_to_string(&path) {
            Ok(text) => Secret::new(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && config.keys.root_file.is_none() => {
                data_folder(config)?;
                let made = vault::keys::generate()?;
                write_private(&path, made.expose())?;
                made
            }
            Err(source) => return Err(Error::Folder { path, source }),
        },
    };
    let previous: Vec<_> = config.keys.previous.iter().map(|text| Secret::new(text.clone())).collect();
    let keys = RootKeys::new(&present, &previous).map_err(vault::Error::Key)?;
    Ok((keys, present))
}

fn key_file(config: &Config) -> PathBuf {
    config.keys.root_file.clone().unwrap_or_else(|| config.data.folder.join("root.key"))
}

/// A key of its own for each use, all from the root key, so that every process of one installation has the same.
fn derived(root: &Secret<String>, what: &str) -> Secret<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, root.expose().as_bytes());
    Secret::new(hmac::sign(&key, format!("nodeloom/derived/{what}/v1").as_bytes()).as_ref().to_vec())
}

/// What the audit trail's checkpoints are signed with: made from the root key of the first start and kept sealed, so
/// that it stays the same when the root key is changed. Servers that start together make the same one.
async fn signing_seed(root: &Secret<String>, vault: &Vault, store: &Store) -> Result<Secret<Vec<u8>>, Error> {
    const NAME: &str = "audit_signing_seed";
    let system = authz::act_as_system("checkpoints are signed with a key that outlives the root key");
    let bound = Bound { table: "settings", field: "value", scope: None, row: NAME.as_bytes(), version: 1 };
    if let Some(kept) = store.setting(system, SettingOf::Instance, NAME).await? {
        let sealed = kept.as_str().and_then(|text| hex::decode(text).ok()).unwrap_or_default();
        return Ok(vault.open(Purpose::Settings, &bound, &sealed).map_err(vault::Error::Open)?);
    }
    let seed = derived(root, "audit-checkpoints");
    let sealed = hex::encode(vault.seal(Purpose::Settings, &bound, seed.expose())?);
    store.set_setting(system, SettingOf::Instance, NAME.to_owned(), sealed.into(), Effects::none()).await?;
    Ok(seed)
}

/// Signs and files checkpoints.
pub async fn checkpoints(config: &Config, vault: &Vault, store: &Store, clock: &Clock) -> Result<Checkpoints, Error> {
    let (_, root) = root_keys(config)?;
    let seed = signing_seed(&root, vault, store).await?;
    // Not the server's address: a server that moves, or is restored elsewhere, still knows its own checkpoints.
    let id = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed.expose()), b"nodeloom/audit-name/v1");
    let name = format!("nodeloom-{}/audit", hex::encode(&id.as_ref()[..6]));
    let key = SigningKey::from_seed(&name, &seed).map_err(|error| Error::Start(error.to_string()))?;
    let file = data_folder(config)?.join("checkpoints.jsonl");
    let every = Duration::from_secs(config.audit.checkpoint_seconds.max(1));
    Ok(Checkpoints::new(store.clone(), clock.clone(), CheckpointsConfig { key, file, every }))
}

/// What the operator allows of outgoing connections.
pub fn egress_policy(config: &Config) -> Result<Policy, Error> {
    let mut policy = Policy::allowing(config.egress.allow_private.iter().map(String::as_str))?;
    if let Some(path) = &config.egress.extra_ca_file {
        policy.extra_authorities_pem =
            Some(fs::read(path).map_err(|source| Error::Folder { path: path.clone(), source })?);
    }
    Ok(policy)
}

/// The way out, as the operator allows it.
pub fn egress(config: &Config) -> Result<Egress, Error> {
    Ok(Egress::new(egress_policy(config)?)?)
}

/// Opens the database, bringing its schema up to date.
pub async fn store(config: &Config, clock: &Clock) -> Result<Store, Error> {
    data_folder(config)?;
    let store_config = store_config(config)?;
    store::migrate(&store_config, clock).await?;
    Ok(Store::open(&store_config, clock.clone(), Arc::new(ChainLinker)).await?)
}

/// Opens everything.
pub async fn rooms(config: Config, role: Role) -> Result<Rooms, Error> {
    let clock = clock();
    let store = store(&config, &clock).await?;
    let (roots, root) = root_keys(&config)?;
    let vault = Vault::start(&roots, store.clone()).await?;
    let recorder = Recorder::new(store.clone(), vault.clone(), clock.clone());
    let checkpoints = checkpoints(&config, &vault, &store, &clock).await?;

    let mut policy = identity::Policy::at(&config.server.public_url);
    policy.origins.extend(config.server.cors_origins.iter().cloned());
    let keys = Keys::new(&derived(&root, "sessions"), &[])?;
    let passwords = Passwords::new(config.security.bcrypt_cost)?;
    let identity = Identity::new(
        Arc::new(StoredIdentities { store: store.clone(), vault: vault.clone() }),
        keys,
        passwords,
        policy,
    )?;

    let post = Post::open(&config, clock.clone(), egress_policy(&config)?, store.clone(), vault.clone())?;
    let egress = egress(&config)?;
    let local = config.models.local_chat.clone().map(|path| {
        let settings =
            local_models::Settings { max_tokens: config.models.local_max_tokens, ..local_models::Settings::new(path) };
        LocalModel::new(settings) as Arc<dyn LocalChat>
    });
    let parts = (&store, &vault, &recorder, &checkpoints);
    let siem = crate::siem::open(&config, parts, egress.clone(), &clock);
    let models = Models::new(egress.clone(), clock.clone(), local.clone());
    let sandbox = crate::code::open(&config.sandbox, &clock).await?;
    let guardrails = Guardrails::new(guardrails::Ports {
        learned: crate::rooms::learned(&config.guardrails),
        ..ports(sandbox.as_ref(), &models, local.is_some())
    });
    let guardrails = TeamGuards::new(guardrails, store.clone(), vault.clone(), clock.clone());
    let registry = nodes::registry();
    let plans = Plans::new(store.clone(), registry.clone(), clock.clone());
    let connections = connections::Connections::new(vault.clone(), store.clone(), egress.clone(), clock.clone());
    let customer_sql = customer_sql::CustomerSql::new(egress.clone(), config.egress.sqlite_folder.clone());
    let world = engine::effects::World {
        models,
        http: egress,
        customer_sql: customer_sql.clone(),
        sandbox: sandbox.clone(),
        code_limits: crate::code::limits(&config.sandbox),
        guardrails: Arc::new(guardrails.clone()),
        compiled: engine::effects::Compiled::default(),
        connections: connections.clone(),
        secrets: engine::effects::Secrets::default(),
        audit: Arc::new(Trail(recorder.clone())),
        store: store.clone(),
        rights: Arc::new(RightsNow(store.clone(), clock.clone())),
        clock: clock.clone(),
    };
    let settings = engine::Settings {
        capacity: if role == Role::Worker { config.engine.workers.max(1) } else { config.engine.workers },
        lease: Duration::from_secs(config.engine.lease_seconds),
        // Rights are asked anew with every heartbeat, and what is taken away is gone within five seconds.
        heartbeat: Duration::from_secs((config.engine.lease_seconds / 4).clamp(1, 3)),
        run_timeout: Duration::from_secs(config.engine.run_timeout_seconds),
        ..engine::Settings::default()
    };
    let windows = windows(&config).await?;
    let months = Months::new(store.clone(), clock.clone());
    let engine = Engine::new(EngineParts {
        store: store.clone(),
        clock: clock.clone(),
        entropy: Entropy::of_the_system(),
        vault: Arc::new(vault.clone()),
        versions: Arc::new(plans.clone()),
        rights: Arc::new(RightsNow(store.clone(), clock.clone())),
        months: Arc::new(months.clone()),
        effects: Arc::new(world),
        mask: Arc::new(engine::effects::StandardMask),
        audit: Arc::new(Trail(recorder.clone())),
        settings,
    });
    Ok(Rooms::new(Inner {
        config,
        clock,
        store,
        vault,
        connections,
        customer_sql,
        identity,
        recorder,
        post,
        checkpoints,
        siem,
        guardrails,
        months,
        registry,
        plans,
        engine,
        sandbox,
        windows,
        spare_windows: edge::Local::new(50_000),
        shutdown: CancellationToken::new(),
        slugs: Slugs::default(),
        verifying: crate::rooms::Verifying::default(),
        streams: crate::limits::Streams::default(),
    }))
}

/// Windows that all processes share where Redis is configured (R026), this process's own otherwise. A Redis that is not
/// there yet does not stop a start: limits hold per process until it is.
async fn windows(config: &Config) -> Result<Arc<dyn edge::Windows>, Error> {
    let Some(url) = &config.redis.url else { return Ok(Arc::new(edge::Local::new(200_000))) };
    let read = |path: &PathBuf| fs::read(path).map_err(|source| Error::Folder { path: path.clone(), source });
    let authorities = config.egress.extra_ca_file.as_ref().map(read).transpose()?;
    let redis = edge::Redis::open(url, authorities.as_deref())
        .map_err(|error| Error::Start(format!("redis.url cannot be used: {error}")))?;
    if !redis.reached(Duration::from_secs(3)).await {
        tracing::warn!("redis.url is set and nothing answers there: rate limits hold per process until it does");
    }
    Ok(Arc::new(redis))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shared(url: &str) -> Result<Arc<dyn edge::Windows>, String> {
        let mut config = Config::default();
        config.redis.url = Some(url.to_owned());
        windows(&config).await.map_err(|error| error.to_string())
    }

    /// R016, R026: an address that cannot be used stops the start with a sentence; a Redis that is away does not.
    #[tokio::test]
    async fn a_redis_address_that_cannot_be_used_stops_the_start() {
        let unencrypted = shared("redis://user:hidden@10.0.0.7:6379").await.err().unwrap_or_default();
        assert!(unencrypted.starts_with("redis.url cannot be used: Redis at 10.0.0.7 would be"), "{unencrypted}");
        let unreadable = shared("rediss://cache.example.com/#insecure").await.err().unwrap_or_default();
        assert!(unreadable.contains("the Redis address is not readable; write rediss://"), "{unreadable}");
        let away = shared("redis://127.0.0.1:1").await.unwrap();
        let window = edge::Window::new(edge::WindowName::Api, 1, Duration::from_secs(1));
        let key = edge::rate_limit::Key::of(&["a"]);
        assert!(away.take(window, key, domain::Timestamp::from_micros(0)).await.is_err());
    }
}
