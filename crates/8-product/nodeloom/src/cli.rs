//! The commands and their options.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{local, remote};

#[derive(Parser)]
#[command(name = "nodeloom", version, about = "Deploys, monitors and governs AI agents", propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (and, unless engine.workers is 0, a worker inside it)
    Serve(Settings),
    /// Start a worker that takes runs from the same PostgreSQL database
    Worker(Settings),
    /// Bring the database to this version's schema, then stop
    Migrate(Settings),
    /// Print a new one-time link that makes an admin
    SetupLink(Settings),
    /// Write everything that the database holds to a file
    Backup {
        #[command(flatten)]
        settings: Settings,
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// Read a backup into an empty database
    Restore {
        #[command(flatten)]
        settings: Settings,
        file: PathBuf,
    },
    /// The settings: check them, or print their reference
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Encryption keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Help a person: a link for a new password, a confirmed address, a second factor that was lost
    #[command(subcommand)]
    User(UserCommand),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The installation's own SIEM destinations (a team's are configured by its admins)
    #[command(subcommand)]
    Siem(SiemCommand),
    /// Workflows: validate and run files, import and export
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// Runs on a server
    #[command(subcommand)]
    Run(RunCommand),
    /// Screen texts, and measure the checks on your own data (`nodeloom guard --help`)
    #[command(disable_help_flag = true)]
    Guard {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Probe the sandbox, or run code or a program in it (`nodeloom sandbox --help`)
    #[command(disable_help_flag = true)]
    Sandbox {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<OsString>,
    },
}

/// Where the settings come from.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// Settings file (TOML); the environment overrides it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which server, and who asks.
#[derive(Args, Clone, Debug, Default)]
pub struct Remote {
    /// Profile written by the server at its first start [default: data/cli.toml, then ~/.config/nodeloom/cli.toml]
    #[arg(long, value_name = "FILE", env = "NODELOOM_PROFILE")]
    pub profile: Option<PathBuf>,
    /// Environment to act in
    #[arg(long, short = 'e', default_value = "development")]
    pub environment: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say whether the settings are right
    Check(Settings),
    /// Print every setting with its default
    Reference,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Print a new root key
    Generate,
    /// Say which keys the database needs and which are loaded
    Status(Settings),
    /// Take the database over to the present root key; the earlier one stands in keys.previous meanwhile
    Rotate(Settings),
}

#[derive(Subcommand)]
enum UserCommand {
    /// Print a link, good for one use and one hour, that sets a new password
    ResetLink {
        #[command(flatten)]
        settings: Settings,
        /// The account's address
        email: String,
    },
    /// Take the operator's word that the address is the person's own
    Confirm {
        #[command(flatten)]
        settings: Settings,
        email: String,
    },
    /// Take away a second factor that was lost
    EndSecondFactor {
        #[command(flatten)]
        settings: Settings,
        email: String,
    },
    /// End all sessions of a person, on every machine within five seconds
    EndSessions {
        #[command(flatten)]
        settings: Settings,
        email: String,
    },
}

#[derive(Subcommand)]
enum SiemCommand {
    /// Add a destination for the system's chain: what belongs to no team, such as sign-ins and accounts
    Add {
        #[command(flatten)]
        settings: Settings,
        /// A file in the words of POST /siem: name, to, secrets and, if wished, streams, batch and start
        file: PathBuf,
    },
    /// Say how far delivery is
    List(Settings),
    /// Send an event that says nothing but that it arrived
    Test {
        #[command(flatten)]
        settings: Settings,
        name: String,
    },
    /// Send a stream (audit or checkpoints) again from a number on
    Replay {
        #[command(flatten)]
        settings: Settings,
        name: String,
        stream: String,
        from: i64,
    },
    /// Try at once what is held
    Resume {
        #[command(flatten)]
        settings: Settings,
        name: String,
    },
    /// Forget a destination
    Remove {
        #[command(flatten)]
        settings: Settings,
        name: String,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Verify the whole trail, in the database or in an exported bundle
    Verify {
        #[command(flatten)]
        settings: Settings,
        /// An exported bundle, proof, JSONL or CSV file; without it the database is verified
        #[arg(long, visible_alias = "proof", value_name = "FILE")]
        bundle: Option<PathBuf>,
        /// Public key of the checkpoints (or a file with it), when not the one in the data folder or the file
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        /// Key of a witness (or a file with it) whose signatures are to be checked too
        #[arg(long = "witness", value_name = "KEY")]
        witnesses: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Write a proof that anyone can verify: that an entry is in the trail, or that a checkpoint continues another
    Prove {
        #[command(flatten)]
        settings: Settings,
        /// The chain: team_…/environment, or system
        #[arg(long)]
        chain: String,
        /// The entry: aud_… or its sequence
        #[arg(long, conflicts_with = "from")]
        entry: Option<String>,
        /// Number of the earlier checkpoint
        #[arg(long, required_unless_present = "entry")]
        from: Option<u64>,
        /// Number of the later checkpoint [default: the newest]
        #[arg(long, requires = "from")]
        to: Option<u64>,
        /// File to write; it must not exist [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the public key that checkpoints are verified with
    Key(Settings),
    /// Purge entries before a moment, whole sealed segments at a time; roots and checkpoints stay
    Purge {
        #[command(flatten)]
        settings: Settings,
        /// RFC 3339, not younger than audit.minimum_retention_days
        #[arg(long, value_name = "TIME")]
        before: String,
        /// Only this chain
        #[arg(long)]
        chain: Option<String>,
    },
    /// Make a person's data in every chain unreadable; the chains still verify
    Erase {
        #[command(flatten)]
        settings: Settings,
        /// user_…
        person: String,
    },
    /// Write entries, checkpoints and the public key to a file that anyone can verify
    Export {
        #[command(flatten)]
        settings: Settings,
        file: PathBuf,
    },
}

#[derive(Subcommand)]
pub enum WorkflowCommand {
    /// Say everything that is wrong with a workflow file
    Validate {
        file: PathBuf,
        #[arg(long)]
        json: bool,
    },
    /// Run a workflow file here, with a database of its own that is thrown away, or on a server
    Run {
        file: PathBuf,
        /// Input as JSON, or @FILE, or - for standard input
        #[arg(long, short = 'i', default_value = "null")]
        input: String,
        /// Import the file to the server of the profile and run it there
        #[arg(long)]
        remote: bool,
        /// Settings for a run here (models, sandbox, egress)
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        to: Remote,
    },
    /// Make a workflow, or a new version of the one of the same name, from a file
    Import {
        file: PathBuf,
        /// Put it into service too
        #[arg(long)]
        publish: bool,
        #[command(flatten)]
        to: Remote,
    },
    /// Print the newest version of a workflow, by id or name
    Export {
        workflow: String,
        #[command(flatten)]
        to: Remote,
    },
    /// List workflows
    List {
        #[command(flatten)]
        to: Remote,
    },
}

#[derive(Subcommand)]
pub enum RunCommand {
    /// List runs, newest first
    List {
        /// Only those of this workflow (id)
        #[arg(long)]
        workflow: Option<String>,
        /// Only those with this status
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        to: Remote,
    },
    /// Show one run with its nodes
    Show {
        run: String,
        #[command(flatten)]
        to: Remote,
    },
    /// Stop a run
    Cancel {
        run: String,
        #[command(flatten)]
        to: Remote,
    },
}

/// Reads the command line and does what it says; the exit code is the command's.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(settings) => local::serve(&settings),
        Command::Worker(settings) => local::worker(&settings),
        Command::Migrate(settings) => local::migrate(&settings),
        Command::SetupLink(settings) => local::setup_link(&settings),
        Command::Backup { settings, file } => local::backup(&settings, &file),
        Command::Restore { settings, file } => local::restore(&settings, &file),
        Command::Config(ConfigCommand::Check(settings)) => local::config_check(&settings),
        Command::Config(ConfigCommand::Reference) => local::config_reference(),
        Command::Keys(KeysCommand::Generate) => local::keys_generate(),
        Command::Keys(KeysCommand::Status(settings)) => local::keys_status(&settings),
        Command::Keys(KeysCommand::Rotate(settings)) => local::keys_rotate(&settings),
        Command::User(command) => {
            use server::commands::UserAct;
            let (settings, email, act) = match command {
                UserCommand::ResetLink { settings, email } => (settings, email, UserAct::ResetLink),
                UserCommand::Confirm { settings, email } => (settings, email, UserAct::ConfirmAddress),
                UserCommand::EndSecondFactor { settings, email } => (settings, email, UserAct::EndSecondFactor),
                UserCommand::EndSessions { settings, email } => (settings, email, UserAct::EndSessions),
            };
            local::user(&settings, email, act)
        }
        Command::Audit(AuditCommand::Verify { settings, bundle, public_key, witnesses, json }) => {
            let trusted = server::commands::Trusted { public_key, witnesses };
            local::audit_verify(&settings, bundle.as_deref(), &trusted, json)
        }
        Command::Audit(AuditCommand::Prove { settings, chain, entry, from, to, out }) => {
            local::audit_prove(&settings, chain, entry, (from.unwrap_or(0), to), out.as_deref())
        }
        Command::Audit(AuditCommand::Key(settings)) => local::audit_key(&settings),
        Command::Audit(AuditCommand::Purge { settings, before, chain }) => {
            local::audit_purge(&settings, &before, chain.as_deref())
        }
        Command::Audit(AuditCommand::Erase { settings, person }) => local::audit_erase(&settings, &person),
        Command::Audit(AuditCommand::Export { settings, file }) => local::audit_export(&settings, &file),
        Command::Siem(command) => {
            use server::commands::SiemAct;
            let (settings, act) = match command {
                SiemCommand::Add { settings, file } => (settings, SiemAct::Add(file)),
                SiemCommand::List(settings) => (settings, SiemAct::List),
                SiemCommand::Test { settings, name } => (settings, SiemAct::Test(name)),
                SiemCommand::Replay { settings, name, stream, from } => (settings, SiemAct::Replay(name, stream, from)),
                SiemCommand::Resume { settings, name } => (settings, SiemAct::Resume(name)),
                SiemCommand::Remove { settings, name } => (settings, SiemAct::Remove(name)),
            };
            local::siem(&settings, act)
        }
        Command::Workflow(command) => remote::workflow(command),
        Command::Run(command) => remote::run(command),
        Command::Guard { rest } => local::guard(rest),
        Command::Sandbox { rest } => local::sandbox(rest),
    }
}
