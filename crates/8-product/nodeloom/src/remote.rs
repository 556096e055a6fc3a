//! Commands that ask a running server, through the profile that it wrote at its first start.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use domain::{Environment, Json};
use egress::{Egress, Method, Policy, Request};
use serde::Deserialize;
use serde_json::json;
use workflow::Definition;

use crate::{
    cli::{Remote, RunCommand, WorkflowCommand},
    local::{fail, wait},
};

const LARGEST_FILE: u64 = 4 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{path} could not be read")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} is larger than 4 MiB")]
    TooLarge { path: PathBuf },
    #[error("no profile: start the server once with `make run`, or name one with --profile")]
    NoProfile,
    #[error("the profile {path} is not right")]
    Profile { path: PathBuf, source: toml::de::Error },
    #[error("--environment: {0}")]
    Environment(#[from] domain::scope::UnknownEnvironment),
    #[error("the input is not JSON")]
    Input(#[source] serde_json::Error),
    #[error("the server could not be asked")]
    Egress(#[from] egress::Error),
    #[error("the profile's address is not right")]
    Rule(#[from] egress::InvalidRule),
    #[error("the server answered something that is not JSON (status {0})")]
    NotJson(u16),
    #[error("{title} ({code}): {detail}")]
    Problem { title: String, code: String, detail: String },
    #[error("the workflow has {0} error(s)")]
    Invalid(usize),
    #[error("the run did not succeed: {0}")]
    Run(String),
    #[error(transparent)]
    Command(#[from] server::commands::Error),
    #[error(transparent)]
    Config(#[from] server::ConfigError),
}

/// Where the server is and who asks; `cli.toml` in the data folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    url: String,
    ca_file: PathBuf,
    api_key: String,
    team: String,
}

struct Client {
    egress: Egress,
    profile: Profile,
    environment: Environment,
}

impl Client {
    fn new(to: &Remote) -> Result<Self, Error> {
        let environment = to.environment.parse()?;
        let path = to.profile.clone().or_else(find_profile).ok_or(Error::NoProfile)?;
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        let profile: Profile = toml::from_str(&text).map_err(|source| Error::Profile { path: path.clone(), source })?;
        let host = profile.url.trim_start_matches("https://").to_owned();
        let mut policy = Policy::allowing([host.as_str()])?;
        policy.extra_authorities_pem = Some(
            std::fs::read(&profile.ca_file)
                .map_err(|source| Error::Unreadable { path: profile.ca_file.clone(), source })?,
        );
        Ok(Self { egress: Egress::new(policy)?, profile, environment })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Json>) -> Result<Json, Error> {
        let url = format!("{}/api/v1/teams/{}/{}{path}", self.profile.url, self.profile.team, self.environment);
        let mut request = Request::new(method, &url)?
            .secret_header("authorization", &format!("Bearer {}", self.profile.api_key))?
            .timeout(Duration::from_secs(90));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = self.egress.send(request).await?;
        let status = response.status.as_u16();
        let bytes = response.body.collect().await?;
        if status == 204 {
            return Ok(Json::Null);
        }
        let answer: Json = serde_json::from_slice(&bytes).map_err(|_| Error::NotJson(status))?;
        if status < 400 {
            return Ok(answer);
        }
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let mut detail = if answer["detail"].is_string() { text("detail") } else { text("help") };
        for defect in answer["errors"].as_array().into_iter().flatten() {
            detail.push_str(&format!(
                "\n  {}: {}",
                defect["path"].as_str().unwrap_or("/"),
                defect["message"].as_str().unwrap_or_default()
            ));
        }
        Err(Error::Problem { title: text("title"), code: text("code"), detail })
    }

    async fn workflow_named(&self, name: &str) -> Result<Option<Json>, Error> {
        let page = self.ask(Method::GET, &format!("/workflows?name={}", encode(name)), None).await?;
        Ok(page["items"].as_array().and_then(|items| items.first().cloned()))
    }

    /// Makes the workflow, or a new version of the one of the same name; gives its id.
    async fn import(&self, definition: &Definition) -> Result<String, Error> {
        let body = json!({ "definition": definition.to_json() });
        let saved = match self.workflow_named(&definition.name).await? {
            Some(known) => {
                let id = known["id"].as_str().unwrap_or_default();
                self.ask(Method::PUT, &format!("/workflows/{id}"), Some(&body)).await?
            }
            None => self.ask(Method::POST, "/workflows", Some(&body)).await?,
        };
        Ok(saved["id"].as_str().unwrap_or_default().to_owned())
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                (b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn find_profile() -> Option<PathBuf> {
    let home = std::env::home_dir().map(|home| home.join(".config/nodeloom/cli.toml"));
    [Some(PathBuf::from("data/cli.toml")), home].into_iter().flatten().find(|path| path.exists())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let wrong = |source| Error::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    } else {
        std::fs::File::open(path).map_err(wrong)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    }
    if bytes.len() as u64 > LARGEST_FILE { Err(Error::TooLarge { path: path.to_owned() }) } else { Ok(bytes) }
}

/// The definition in `path`; its defects are printed when there are any.
fn definition(path: &Path, as_json: bool) -> Result<Definition, Error> {
    let bytes = read(path)?;
    let registry = nodes::registry();
    Definition::from_bytes(&bytes, &registry).map_err(|error| {
        let defects = error.defects();
        if as_json {
            println!("{}", json!({ "valid": false, "errors": defects }));
        } else {
            for defect in defects {
                eprintln!(
                    "{}: {} [{}]",
                    if defect.path.is_empty() { "/" } else { &defect.path },
                    defect.message,
                    defect.code
                );
            }
        }
        Error::Invalid(defects.len())
    })
}

fn input(text: &str) -> Result<Json, Error> {
    let text = match text.strip_prefix('@') {
        Some(path) => String::from_utf8_lossy(&read(Path::new(path))?).into_owned(),
        None if text == "-" => String::from_utf8_lossy(&read(Path::new("-"))?).into_owned(),
        None => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(Error::Input)
}

fn exit(work: impl Future<Output = Result<(), Error>>) -> ExitCode {
    match wait(work) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

fn show(value: &Json) {
    println!("{value:#}");
}

pub fn workflow(command: WorkflowCommand) -> ExitCode {
    exit(async move {
        match command {
            WorkflowCommand::Validate { file, json } => {
                let definition = definition(&file, json)?;
                if json {
                    println!("{}", json!({ "valid": true, "errors": [], "version": definition.version().to_string() }));
                } else {
                    println!("valid: {} nodes, version {}", definition.graph.nodes.len(), definition.version());
                }
            }
            WorkflowCommand::Run { file, input: text, remote: false, config, .. } => {
                let (definition, input) = (definition(&file, false)?, input(&text)?);
                let config = server::Config::load(config.as_deref())?;
                let run = server::commands::run_file(config, definition, input).await?;
                finished(&run)?;
            }
            WorkflowCommand::Run { file, input: text, to, .. } => {
                let (definition, input) = (definition(&file, false)?, input(&text)?);
                let client = Client::new(&to)?;
                let id = client.import(&definition).await?;
                let version = definition.version().to_string();
                let start = json!({ "input": input, "version": version, "wait_seconds": 60 });
                let run = client.ask(Method::POST, &format!("/workflows/{id}/runs"), Some(&start)).await?;
                finished(&run)?;
            }
            WorkflowCommand::Import { file, publish, to } => {
                let definition = definition(&file, to.json)?;
                let client = Client::new(&to)?;
                let id = client.import(&definition).await?;
                if publish {
                    client
                        .ask(
                            Method::POST,
                            &format!("/workflows/{id}/publish"),
                            Some(&json!({ "version": definition.version().to_string() })),
                        )
                        .await?;
                }
                println!("{id}");
            }
            WorkflowCommand::Export { workflow, to } => {
                let client = Client::new(&to)?;
                let id = match client.workflow_named(&workflow).await? {
                    Some(known) => known["id"].as_str().unwrap_or_default().to_owned(),
                    None => workflow,
                };
                show(&client.ask(Method::GET, &format!("/workflows/{id}/export"), None).await?);
            }
            WorkflowCommand::List { to } => {
                let page = Client::new(&to)?.ask(Method::GET, "/workflows", None).await?;
                if to.json {
                    show(&page);
                } else {
                    table(&page, &["id", "name", "latest_version", "created_at"]);
                }
            }
        }
        Ok(())
    })
}

/// Prints the run; an error when it did not succeed, so that the exit code says so.
fn finished(run: &Json) -> Result<(), Error> {
    show(run);
    match run["status"].as_str() {
        Some("succeeded") => Ok(()),
        Some(status) => Err(Error::Run(run["failure"]["message"].as_str().unwrap_or(status).to_owned())),
        None => Err(Error::Run("unknown state".to_owned())),
    }
}

fn table(page: &Json, columns: &[&str]) {
    let items = page["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() {
        println!("nothing here yet");
        return;
    }
    let cell = |item: &Json, column: &str| match &item[column] {
        Json::String(text) => text.chars().take(40).collect::<String>(),
        Json::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let width =
        |column: &str| items.iter().map(|item| cell(item, column).len()).max().unwrap_or(0).max(column.len()) + 2;
    let widths: Vec<usize> = columns.iter().map(|column| width(column)).collect();
    let line = |cells: Vec<String>| cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect::<String>();
    println!("{}", line(columns.iter().map(|c| c.to_uppercase()).collect()).trim_end());
    for item in &items {
        println!("{}", line(columns.iter().map(|c| cell(item, c)).collect()).trim_end());
    }
}

pub fn run(command: RunCommand) -> ExitCode {
    exit(async move {
        match command {
            RunCommand::List { workflow, status, to } => {
                let mut query = vec!["limit=50".to_owned()];
                query.extend(workflow.map(|w| format!("workflow={}", encode(&w))));
                query.extend(status.map(|s| format!("status={}", encode(&s))));
                let page = Client::new(&to)?.ask(Method::GET, &format!("/runs?{}", query.join("&")), None).await?;
                if to.json {
                    show(&page);
                } else {
                    table(&page, &["id", "status", "trigger", "created_at", "duration_ms"]);
                }
            }
            RunCommand::Show { run, to } => {
                show(&Client::new(&to)?.ask(Method::GET, &format!("/runs/{}", encode(&run)), None).await?)
            }
            RunCommand::Cancel { run, to } => {
                show(&Client::new(&to)?.ask(Method::POST, &format!("/runs/{}/cancel", encode(&run)), None).await?)
            }
        }
        Ok(())
    })
}
