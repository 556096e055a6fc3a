//! Settings: one file (TOML), overridden by the environment, checked before anything starts.
//!
//! A misspelt key or an unreadable value stops startup with a sentence that says what to do. This is the only file
//! that reads the environment. Names: `[server] listen` in the file is `NODELOOM_SERVER__LISTEN` in the environment.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings file {path} could not be read")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the settings file {path} is not right: {message}")]
    File { path: PathBuf, message: String },
    #[error("the environment variable {name} names no setting; see docs/reference/config.md for all of them")]
    UnknownVariable { name: String },
    #[error("the settings are not right: {message}")]
    Values { message: String },
}

macro_rules! settings {
    ($($(#[$doc:meta])* $section:ident : $type:ident { $($(#[doc = $help:literal])* $field:ident : $field_type:ty = $default:expr;)* })*) => {
        /// Everything that can be set.
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config { $(pub $section: $type,)* }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $type { $($(#[doc = $help])* pub $field: $field_type,)* }
            impl Default for $type { fn default() -> Self { Self { $($field: $default,)* } } }
        )*

        /// `(section, key, help)` of every setting, for the generated reference and for reading the environment.
        pub const REFERENCE: &[(&str, &str, &str)] = &[$($((stringify!($section), stringify!($field), concat!($($help,)*)),)*)*];
    };
}

settings! {
    /// Where and how it listens.
    server: ServerSettings {
        /// Address of the HTTPS listener. Loopback until you say otherwise.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8443));
        /// Address of a plain-HTTP listener that only redirects to HTTPS; none when absent.
        redirect_listen: Option<SocketAddr> = None;
        /// How people reach this server, without a slash at the end. Links and the Origin check use it.
        public_url: String = "https://localhost:8443".to_owned();
        /// Networks (CIDR) whose `X-Forwarded-For` is believed.
        trusted_proxies: Vec<String> = Vec::new();
        /// Origins besides `public_url` that a browser may call from. `*` is refused.
        cors_origins: Vec<String> = Vec::new();
        /// Largest request body, in bytes.
        max_body_bytes: usize = 1024 * 1024;
        /// Seconds a request may take before it is answered 503; a waiting webhook has its own limit.
        request_timeout_seconds: u64 = 60;
        /// Open connections at most.
        max_connections: usize = 4096;
    }
    /// Certificates. With neither file set, a local authority is made at the first start.
    tls: TlsSettings {
        /// PEM file with the certificate chain; read again when it changes.
        certificate_file: Option<PathBuf> = None;
        /// PEM file with the private key.
        key_file: Option<PathBuf> = None;
        /// Further names and addresses in the certificate of the local authority.
        local_names: Vec<String> = Vec::new();
    }
    /// Where NodeLoom keeps its files.
    data: DataSettings {
        /// Private folder (made with mode 0700) for the embedded database, keys, certificates and checkpoints.
        folder: PathBuf = PathBuf::from("data");
    }
    /// The database.
    database: DatabaseSettings {
        /// `postgres://…` for PostgreSQL; absent for the embedded SQLite in the data folder.
        url: Option<String> = None;
        /// Connections to PostgreSQL at most.
        max_connections: u32 = 8;
        /// Seconds that a write waits for a database that went away before it fails.
        retry_seconds: u64 = 5;
    }
    /// Shared counters.
    redis: RedisSettings {
        /// `rediss://…`, or `redis://` on loopback, or `redis+unix:///path`; absent keeps rate-limit windows in this process. A private authority goes into egress.extra_ca_file.
        url: Option<String> = None;
    }
    /// Encryption keys. At least 32 random bytes as hex or base64: `nodeloom keys generate` prints one.
    keys: KeySettings {
        /// The root key. Prefer `root_file`, or NODELOOM_KEYS__ROOT from a secret store; never written to logs.
        root: Option<String> = None;
        /// File with the root key; made at the first start inside the data folder when nothing is set.
        root_file: Option<PathBuf> = None;
        /// Earlier root keys, still needed to open what they sealed.
        previous: Vec<String> = Vec::new();
    }
    /// Rate limits, each a number of requests in a sliding window of 60 seconds.
    limits: LimitSettings {
        /// API requests by one person, or one account for machines, in a session and with all their keys.
        api_per_minute: u32 = 1200;
        /// API requests with one key; 0 takes `api_per_minute`.
        key_per_minute: u32 = 0;
        /// API requests in one team by everybody together; 0 takes ten times `api_per_minute`.
        team_per_minute: u32 = 0;
        /// Requests from one address, of whatever kind, before it is known who asks.
        address_per_minute: u32 = 3000;
        /// Attempts to sign in, set up or reset from one address.
        authentication_per_minute: u32 = 10;
        /// Mails asked for again (confirmation, new password, invitation) from one address.
        resend_per_minute: u32 = 6;
        /// Live streams (WebSockets) of one principal in this process at the same time.
        streams_per_principal: usize = 32;
        /// Calls of one webhook.
        webhook_per_minute: u32 = 600;
        /// Most webhook runs of one team in this process at the same time.
        webhook_concurrency: usize = 256;
    }
    /// Running workflows.
    engine: EngineSettings {
        /// Runs driven at the same time by this process; 0 leaves the work to `nodeloom worker`.
        workers: usize = 64;
        /// Seconds until a worker that was not heard of loses its runs to another.
        lease_seconds: u64 = 15;
        /// Largest run input, in bytes.
        max_input_bytes: usize = 1024 * 1024;
        /// Seconds a run may take when its workflow sets no limit.
        run_timeout_seconds: u64 = 3600;
    }
    /// Models.
    models: ModelSettings {
        /// GGUF file of the chat model that runs in this process; absent means provider `local` is refused.
        local_chat: Option<PathBuf> = None;
        /// Tokens the local model writes at most for one answer.
        local_max_tokens: u32 = 256;
    }
    /// Guardrails.
    guardrails: GuardrailSettings {
        /// Weight file (`nodeloom/guard/v1`) that replaces the learned model in this binary; `vocab.txt` beside it is used when there is one.
        model: Option<PathBuf> = None;
    }
    /// Calls to the outside.
    egress: EgressSettings {
        /// Private hosts and networks that may be called all the same: `10.1.0.0/16`, `db.internal`, `127.0.0.1:11434`.
        allow_private: Vec<String> = Vec::new();
        /// PEM file with further certificate authorities.
        extra_ca_file: Option<PathBuf> = None;
        /// Folder in which customers' SQLite files may lie; absent refuses SQLite credentials.
        sqlite_folder: Option<PathBuf> = None;
    }
    /// Containers for user code.
    sandbox: SandboxSettings {
        /// Whether code nodes may run at all.
        enabled: bool = true;
        /// Who makes the containers: `native` (NodeLoom itself), `docker`, `oci` (runc, crun, runsc), or `auto`: whichever keeps the most guarantees here.
        backend: sandbox::BackendChoice = sandbox::BackendChoice::Native;
        /// The OCI runtime, by name or path; absent takes the first of runc, crun and runsc that is there.
        oci_runtime: Option<PathBuf> = None;
        /// Socket of the Docker engine.
        docker_socket: PathBuf = PathBuf::from("/var/run/docker.sock");
        /// Root for Python made by `nodeloom sandbox build-root`; absent shows the host's /usr, read-only.
        root: Option<PathBuf> = None;
        /// Guarantees without which no code runs; `nodeloom sandbox probe` lists their names.
        required: Vec<String> = Vec::new();
        /// Guarantees that must be kept by their strongest mechanism, or no code runs.
        required_in_full: Vec<String> = Vec::new();
        /// Waiting launchers.
        pool: usize = 2;
        /// Seconds one call may take at most.
        max_seconds: u64 = 30;
        /// MiB of memory one call may use at most.
        max_memory_mb: u64 = 256;
        /// Lower or higher maxima for single teams, by id: `{ "team_…" = { max_seconds = 5, max_memory_mb = 64 } }`.
        teams: BTreeMap<domain::TeamId, TeamSandbox> = BTreeMap::new();
    }
    /// Passwords and sessions.
    security: SecuritySettings {
        /// Cost of bcrypt, 10 to 16; raising it re-hashes at the next sign-in.
        bcrypt_cost: u32 = 12;
    }
    /// The mail server that invitations and links go through. With no host set, invitations answer with the link to hand
    /// over, and `nodeloom user` prints the others.
    mail: MailSettings {
        /// Host name or address of the SMTP server; absent sends no mail.
        host: Option<String> = None;
        /// Its port: 587 goes with `starttls`, 465 with `implicit`.
        port: u16 = 587;
        /// `starttls` (a server that does not offer it gets nothing), `implicit` (TLS from the first byte), or `none` for a server on this machine. A private authority goes into egress.extra_ca_file.
        tls: MailTls = MailTls::Starttls;
        /// Name to sign in with; absent signs in nowhere.
        user: Option<String> = None;
        /// The password. Prefer `password_file`, or NODELOOM_MAIL__PASSWORD from a secret store; never written to logs.
        password: Option<String> = None;
        /// File with the password.
        password_file: Option<PathBuf> = None;
        /// Whom mails are from: `NodeLoom <noreply@example.org>`.
        from: Option<String> = None;
        /// Seconds for handing over one mail.
        timeout_seconds: u64 = 20;
    }
    /// The audit trail.
    audit: AuditSettings {
        /// Seconds between signed checkpoints.
        checkpoint_seconds: u64 = 300;
        /// Days after which audit entries are purged, whole sealed segments at a time; 0 keeps them for ever.
        retention_days: u64 = 365;
        /// Days for which audit entries are kept whoever asks for a purge.
        minimum_retention_days: u64 = 365;
        /// Days beyond `retention_days` for which entries stay that a SIEM destination does not have yet.
        siem_wait_days: u64 = 30;
        /// Keys of witnesses (`name+id+key`, C2SP tlog-cosignature) whose signatures under checkpoints are taken.
        witnesses: Vec<String> = Vec::new();
    }
    /// Delivery to SIEM destinations.
    siem: SiemSettings {
        /// Destinations that are delivered to at the same time by this process.
        destinations: usize = 8;
        /// Seconds from a request to the last byte of its answer.
        timeout_seconds: u64 = 20;
        /// Seconds until another process takes over from one that died; at least three times the timeout.
        lease_seconds: u64 = 60;
        /// Seconds that something may wait until people are told.
        lag_alert_seconds: u64 = 300;
    }
    /// The server's own log; it never holds request bodies or secrets.
    log: LogSettings {
        /// `error`, `warn`, `info`, `debug`, or a filter such as `info,engine=debug`.
        level: String = "info".to_owned();
        /// `text` or `json`.
        format: LogFormat = LogFormat::Text;
    }
    /// What a first start installs.
    demo: DemoSettings {
        /// Installs the team `demo` with a working agent workflow when the database is empty.
        install: bool = false;
    }
}

/// What one team's code may ask for; what is absent is as for all teams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeamSandbox {
    pub max_seconds: Option<u64>,
    pub max_memory_mb: Option<u64>,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    Starttls,
    Implicit,
    None,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Variables that are not settings of the server: the CLI's own, and the tests'.
const NOT_SETTINGS: &[&str] = &["NODELOOM_CONFIG", "NODELOOM_PROFILE"];

impl LimitSettings {
    /// Requests a minute with one key.
    pub const fn of_a_key(&self) -> u32 {
        if self.key_per_minute == 0 { self.api_per_minute } else { self.key_per_minute }
    }
    /// Requests a minute in one team.
    pub const fn of_a_team(&self) -> u32 {
        if self.team_per_minute == 0 { self.api_per_minute.saturating_mul(10) } else { self.team_per_minute }
    }
}

impl AuditSettings {
    /// Entries younger than this stay.
    pub const fn minimum_retention(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.minimum_retention_days.saturating_mul(86_400))
    }
}

impl Config {
    /// Reads `file` (or `$NODELOOM_CONFIG`, or nothing) and the process's environment, and checks every value.
    ///
    /// # Errors
    /// [`ConfigError`]: says which file, key or variable, and what would be right.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        #[allow(clippy::disallowed_methods, reason = "this is config.rs")]
        let variables: BTreeMap<String, String> =
            std::env::vars().filter(|(name, _)| name.starts_with("NODELOOM_")).collect();
        let file = file.map(Path::to_owned).or_else(|| variables.get("NODELOOM_CONFIG").map(PathBuf::from));
        let text = match &file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?,
            None => String::new(),
        };
        Self::from_parts(&text, file.as_deref().unwrap_or(Path::new("(none)")), &variables)
    }

    /// The same, from texts.
    ///
    /// # Errors
    /// See [`Config::load`].
    pub fn from_parts(text: &str, file: &Path, variables: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let wrong = |error: toml::de::Error| ConfigError::File { path: file.to_owned(), message: error.to_string() };
        // Read once by itself, so that an error points into the file with line and column.
        let _: Self = toml::from_str(text).map_err(wrong)?;
        let mut table: toml::Table = text.parse().map_err(wrong)?;
        for (name, value) in variables {
            if NOT_SETTINGS.contains(&name.as_str()) || name.starts_with("NODELOOM_TEST_") {
                continue;
            }
            let (section, key) = name
                .strip_prefix("NODELOOM_")
                .and_then(|rest| rest.split_once("__"))
                .map(|(section, key)| (section.to_lowercase(), key.to_lowercase()))
                .filter(|(section, key)| REFERENCE.iter().any(|(s, k, _)| s == section && k == key))
                .ok_or_else(|| ConfigError::UnknownVariable { name: name.clone() })?;
            let entry = table.entry(section.clone()).or_insert_with(|| toml::Table::new().into());
            if let Some(entry) = entry.as_table_mut() {
                entry.insert(key.clone(), read_variable(&section, &key, value));
            }
        }
        let config: Self =
            table.try_into().map_err(|error: toml::de::Error| ConfigError::Values { message: error.to_string() })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |message: String| Err(ConfigError::Values { message });
        if self.tls.certificate_file.is_some() != self.tls.key_file.is_some() {
            return refuse("tls.certificate_file and tls.key_file go together: set both or neither".into());
        }
        if self.audit.retention_days != 0 && self.audit.retention_days < self.audit.minimum_retention_days {
            return refuse("audit.retention_days is shorter than audit.minimum_retention_days".into());
        }
        if let Some(key) = self.audit.witnesses.iter().find(|key| recorder::WitnessKey::parse(key).is_err()) {
            return refuse(format!("audit.witnesses: {key:?} is no witness key of the form name+id+key"));
        }
        if self.keys.root.is_some() && self.keys.root_file.is_some() {
            return refuse("keys.root and keys.root_file are both set: keep one".into());
        }
        if self.server.cors_origins.iter().any(|origin| origin.contains('*')) {
            return refuse(
                "server.cors_origins holds a wildcard: NodeLoom answers with credentials, so name each origin".into(),
            );
        }
        let url = &self.server.public_url;
        if !url.starts_with("https://") || url.ends_with('/') {
            return refuse(format!(
                "server.public_url is {url:?}: expected https://host[:port] without a slash at the end"
            ));
        }
        if !(10..=16).contains(&self.security.bcrypt_cost) {
            return refuse(format!("security.bcrypt_cost is {}: expected 10 to 16", self.security.bcrypt_cost));
        }
        let mail = &self.mail;
        if mail.host.is_some() != mail.from.is_some() {
            return refuse("mail.host and mail.from go together: set both or neither".into());
        }
        if mail.password.is_some() && mail.password_file.is_some() {
            return refuse("mail.password and mail.password_file are both set: keep one".into());
        }
        if mail.user.is_some() != (mail.password.is_some() || mail.password_file.is_some()) {
            return refuse("mail.user and a password go together: set both or neither".into());
        }
        if !(1..=120).contains(&mail.timeout_seconds) {
            return refuse(format!("mail.timeout_seconds is {}: expected 1 to 120", mail.timeout_seconds));
        }
        if !(5..=300).contains(&self.engine.lease_seconds) {
            return refuse(format!("engine.lease_seconds is {}: expected 5 to 300", self.engine.lease_seconds));
        }
        if !(1024..=64 * 1024 * 1024).contains(&self.server.max_body_bytes) {
            return refuse(format!(
                "server.max_body_bytes is {}: expected 1 KiB to 64 MiB",
                self.server.max_body_bytes
            ));
        }
        if let Some(url) = &self.database.url
            && !url.starts_with("postgres://")
            && !url.starts_with("postgresql://")
        {
            return refuse("database.url: expected postgres://…; leave it out for the embedded SQLite".into());
        }
        Ok(())
    }
}

/// A variable's text as the TOML value that the setting's default has the shape of: lists are separated by commas.
fn read_variable(section: &str, key: &str, text: &str) -> toml::Value {
    let shape = toml::Table::try_from(Config::default()).ok().and_then(|all| all.get(section)?.get(key).cloned());
    match shape {
        Some(toml::Value::Array(_)) => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| toml::Value::from(item.to_owned()))
            .collect::<Vec<_>>()
            .into(),
        Some(toml::Value::Integer(_)) => text.parse::<i64>().map_or_else(|_| text.into(), toml::Value::Integer),
        Some(toml::Value::Boolean(_)) => text.parse::<bool>().map_or_else(|_| text.into(), toml::Value::Boolean),
        _ => text.into(),
    }
}

/// docs/reference/config.md, made from the table above.
pub fn reference() -> String {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut page = String::from(
        "# Settings\n\nMade by `cargo xtask reference` from `server/src/config.rs`; do not edit.\n\nOne TOML file, given as `--config FILE` or `NODELOOM_CONFIG`; \
         every setting can be overridden by an environment variable. Lists are separated by commas there. An unknown key, an unknown `NODELOOM_` variable or an unreadable value stops startup.\n",
    );
    let mut last = "";
    for (section, key, help) in REFERENCE {
        if *section != last {
            page.push_str(&format!("\n## [{section}]\n\n| key | variable | default | meaning |\n|---|---|---|---|\n"));
            last = section;
        }
        let default = defaults.get(*section).and_then(|s| s.get(*key)).map_or("none".to_owned(), |v| format!("`{v}`"));
        let variable = format!("NODELOOM_{}__{}", section.to_uppercase(), key.to_uppercase());
        page.push_str(&format!("| `{key}` | `{variable}` | {default} | {} |\n", help.trim()));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::from_parts(text, Path::new("nodeloom.toml"), &variables).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_binds_to_loopback() {
        assert!(load("", &[]).unwrap().server.listen.ip().is_loopback());
    }

    #[test]
    fn a_misspelt_key_stops_startup_and_is_named() {
        let error = load("[server]\nlissten = \"127.0.0.1:1\"\n", &[]).unwrap_err();
        assert!(error.contains("lissten") && error.contains("listen"), "{error}");
    }

    #[test]
    fn a_misspelt_variable_stops_startup_and_is_named() {
        let error = load("", &[("NODELOOM_SERVER__LISSTEN", "127.0.0.1:1")]).unwrap_err();
        assert!(error.contains("NODELOOM_SERVER__LISSTEN"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = load(
            "[log]\nlevel = \"warn\"",
            &[
                ("NODELOOM_LOG__LEVEL", "debug"),
                ("NODELOOM_EGRESS__ALLOW_PRIVATE", "10.0.0.0/8, ::1"),
                ("NODELOOM_ENGINE__WORKERS", "3"),
            ],
        )
        .unwrap();
        assert_eq!(
            (config.log.level.as_str(), config.egress.allow_private.len(), config.engine.workers),
            ("debug", 2, 3)
        );
    }

    #[test]
    fn an_unreadable_value_stops_startup() {
        assert!(load("", &[("NODELOOM_ENGINE__WORKERS", "many")]).is_err());
        assert!(load("[security]\nbcrypt_cost = 4", &[]).unwrap_err().contains("10 to 16"));
    }

    /// R019: a wildcard origin cannot be configured.
    #[test]
    fn a_wildcard_origin_is_refused() {
        assert!(load("[server]\ncors_origins = [\"*\"]", &[]).unwrap_err().contains("wildcard"));
    }

    #[test]
    fn half_a_certificate_is_refused() {
        assert!(load("[tls]\nkey_file = \"a.pem\"", &[]).unwrap_err().contains("go together"));
    }

    #[test]
    fn the_reference_page_names_every_setting() {
        let page = reference();
        assert!(REFERENCE.iter().all(|(_, key, help)| page.contains(&format!("`{key}`")) && !help.is_empty()));
    }
}
