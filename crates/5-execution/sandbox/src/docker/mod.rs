//! The Docker backend: one container per run over the engine's socket, from images that we make from our own files.
//!
//! A container has no network, no capability, no new privileges, a read-only root, our own list of system calls, limits
//! on memory, processors and processes, the user 65534, no shared memory, no log, and no mount; only `host-usr` shows the
//! host's programs, read-only. Its first process is a keeper of ours, see [`crate::kept`]. The engine removes a container
//! when it ends (`--rm`), which is waited for and then looked at. When the server is killed, the keeper's standard input
//! closes, the container ends and the engine removes it; one that was never started is found by its label at the next
//! start.

#[cfg(test)]
mod double;
mod image;
mod own;
mod row;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use bollard::{
    errors::Error as EngineError,
    models::{
        ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountBindOptions,
        MountBindOptionsPropagationEnum, MountType,
    },
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
        WaitContainerOptionsBuilder,
    },
};
use futures::StreamExt;
use sandbox_launcher::{keeper, wire::Profile};
use tokio::{io::AsyncWriteExt, sync::Mutex};

use crate::{
    Error, Guarantee, SandboxConfig,
    backend::{Backend, Coverage, Finished, Row, Task},
    engine_profile::{self, KEEPER},
    kept::{self, Heard, Limited},
};
use own::Own;

/// See the module.
pub struct Docker {
    socket: PathBuf,
    /// Where host-usr is shown from: the engine must see the same files.
    engine: std::sync::OnceLock<Engine>,
    images: Mutex<BTreeMap<String, String>>,
    own: Own,
    label: &'static str,
    patience: Patience,
}

struct Engine {
    client: bollard::Docker,
    version: String,
    coverage: Coverage,
}

/// Every container of ours has it; the value says whose it is.
const LABEL: &str = "nodeloom.sandbox";

/// How long an engine is waited for before it has failed.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// One answer, to its last byte.
    answer: Duration,
    /// An image that it takes in.
    image: Duration,
    /// A container that it removes.
    removal: Duration,
    /// A run past its deadline, which the keeper inside enforces.
    run: Duration,
}

const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(60),
    image: Duration::from_secs(300),
    removal: Duration::from_secs(60),
    run: Duration::from_secs(20),
};

/// Gives an engine only so much time. Its client library waits for the head of an answer alone.
async fn within<T>(most: Duration, asked: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    tokio::time::timeout(most, asked).await.unwrap_or(Err(EngineError::RequestTimeoutError))
}

impl Docker {
    /// Prepares; connects at first use.
    pub fn new(config: &SandboxConfig) -> Self {
        Self {
            socket: config.docker_socket.clone(),
            engine: std::sync::OnceLock::new(),
            images: Mutex::default(),
            own: Own::now(),
            label: LABEL,
            patience: PATIENCE,
        }
    }

    async fn connect(&self) -> Result<Engine, Error> {
        let absent = |reason: String| Error::Unavailable {
            reason: format!("the Docker engine at {}: {reason}", self.socket.display()),
            remedy: "start the engine and let the server's user use its socket, or use the native backend".into(),
        };
        let path = self.socket.to_str().ok_or_else(|| absent("its path is not text".into()))?;
        let client = bollard::Docker::connect_with_unix(path, PATIENCE.answer.as_secs(), bollard::API_DEFAULT_VERSION)
            .map_err(|error| absent(error.to_string()))?;
        let most = self.patience.answer;
        let client = within(most, client.negotiate_version()).await.map_err(|error| absent(told(error)))?;
        let info = within(most, client.info()).await.map_err(|error| absent(told(error)))?;
        let security = info.security_options.clone().unwrap_or_default();
        if info.os_type.as_deref().is_some_and(|kind| kind != "linux") {
            return Err(absent("it does not run Linux containers".into()));
        }
        if !security.iter().any(|option| option.contains("seccomp")) {
            return Err(absent("it has no seccomp".into()));
        }
        let (has, cgroup) = (|limit: Option<bool>| limit == Some(true), info.cgroup_version.map(|v| v.to_string()));
        let coverage = Coverage {
            memory: has(info.memory_limit),
            pids: has(info.pids_limit),
            cpu: has(info.cpu_cfs_quota),
            how: format!("cgroup v{}, made by the engine", cgroup.as_deref().unwrap_or("1")),
        };
        let version = info.server_version.unwrap_or_default();
        self.reap(&client).await;
        Ok(Engine { client, version, coverage })
    }

    fn engine(&self) -> Result<&Engine, Error> {
        self.engine.get().ok_or_else(|| Error::broken("use the engine")(io::ErrorKind::NotConnected.into()))
    }

    /// Removes containers of servers that are no more.
    async fn reap(&self, client: &bollard::Docker) {
        let filters = HashMap::from([("label", vec![self.label])]);
        let options = bollard::query_parameters::ListContainersOptionsBuilder::new().all(true).filters(&filters);
        let known = within(self.patience.answer, client.list_containers(Some(options.build()))).await;
        for container in known.unwrap_or_default() {
            let label = container.labels.as_ref().and_then(|labels| labels.get(self.label));
            let (Some(id), Some(label)) = (container.id, label) else { continue };
            if self.own.is_gone(label) {
                remove(client, &id, self.patience.answer).await;
            }
        }
    }

    /// The image for a profile; made when the engine does not have it.
    async fn image(&self, engine: &Engine, profile: Profile, tree: Option<&Path>) -> Result<String, Error> {
        let kind = match (profile, tree) {
            (Profile::Tree, Some(tree)) => format!("tree:{}", tree.display()),
            (Profile::HostUsr, _) => "usr".into(),
            _ => "empty".into(),
        };
        let mut known = self.images.lock().await;
        if let Some(name) = known.get(&kind) {
            return Ok(name.clone());
        }
        let tree = tree.map(Path::to_owned);
        let made = tokio::task::spawn_blocking(move || image::make(profile == Profile::HostUsr, tree.as_deref())).await;
        let made = made.map_err(io::Error::other).and_then(|made| made).map_err(Error::broken("make the image"))?;
        let name = within(self.patience.image, image::bring(&engine.client, made))
            .await
            .map_err(|error| Error::broken("bring the image to the engine")(io::Error::other(told(error))))?;
        known.insert(kind, name.clone());
        Ok(name)
    }

    fn body(&self, task: &Task<'_>, image: String) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(image),
            hostname: Some("sandbox".into()),
            user: Some("65534:65534".into()),
            entrypoint: Some(vec![format!("{}/{KEEPER}", keeper::DIRECTORY)]),
            cmd: Some(vec!["keep".into(), task.profile.word().into()]),
            env: Some(Vec::new()),
            working_dir: Some("/".into()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(false),
            open_stdin: Some(true),
            stdin_once: Some(true),
            tty: Some(false),
            network_disabled: Some(true),
            labels: Some(HashMap::from([(self.label.to_owned(), self.own.label())])),
            host_config: Some(host_config(task)),
            ..ContainerCreateBody::default()
        }
    }

    async fn converse(&self, engine: &Engine, id: &str, task: &Task<'_>) -> Result<(Heard, bool), Error> {
        let at = |step: &str| {
            let step = step.to_owned();
            move |error| Error::broken(step)(io::Error::other(told(error)))
        };
        let most = self.patience.answer;
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).build();
        let mut attached = within(most, engine.client.attach_container(id, Some(options)))
            .await
            .map_err(at("attach to the container"))?;
        let started = within(most, engine.client.start_container(id, None::<StartContainerOptions>)).await;
        started.map_err(at("start the container"))?;
        let limited = Limited { memory: engine.coverage.memory, processes: engine.coverage.pids };
        let packet = kept::packet(task, &limited);
        let mut heard = Heard::new(task);
        let talk = async {
            let (output, input) = (&mut attached.output, &mut attached.input);
            let hear = async {
                while let Some(Ok(more)) = output.next().await {
                    if !heard.take(more.as_ref()) {
                        break;
                    }
                }
            };
            let say = async {
                let written = input.write_all(&packet).await;
                written.and(input.flush().await)
            };
            let _ = tokio::join!(say, hear);
        };
        let in_time = tokio::time::timeout(task.limits.wall_clock + self.patience.run, talk).await.is_ok();
        // while the keeper waits for its standard input to close, the engine still knows the container
        let starved = match within(most, engine.client.inspect_container(id, None)).await {
            Ok(about) => about.state.and_then(|state| state.oom_killed).unwrap_or(false),
            Err(_) => false,
        };
        drop(attached);
        match (heard.end(), in_time) {
            (None, false) => Err(Error::broken("wait for the container")(io::ErrorKind::TimedOut.into())),
            _ => Ok((heard, starved)),
        }
    }

    /// Waits until the engine has removed the container, removes it if it did not, and looks.
    async fn removed(&self, engine: &Engine, id: &str) -> bool {
        let most = self.patience.answer;
        let options = WaitContainerOptionsBuilder::new().condition("removed").build();
        let look = async {
            let mut waiting = engine.client.wait_container(id, Some(options));
            let _ = tokio::time::timeout(self.patience.removal / 6, waiting.next()).await;
            loop {
                match within(most, engine.client.inspect_container(id, None)).await {
                    Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => return true,
                    // an engine that is gone removes nothing; our next start does
                    Err(EngineError::HyperLegacyError { err }) if err.is_connect() => return false,
                    _ => remove(&engine.client, id, most).await,
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(self.patience.removal, look).await.unwrap_or(false)
    }

    /// Makes a container. An image that somebody removed is made again, once.
    async fn create(&self, engine: &Engine, task: &Task<'_>) -> Result<(Left, String), Error> {
        let mut again = true;
        loop {
            let image = self.image(engine, task.profile, task.tree.as_deref()).await?;
            match create(engine.client.clone(), self.body(task, image.clone()), self.patience.answer).await {
                Ok(made) => return Ok(made),
                Err(EngineError::DockerResponseServerError { status_code: 404, .. }) if again => {
                    self.images.lock().await.retain(|_, name| *name != image);
                    again = false;
                }
                Err(error) => return Err(Error::broken("create the container")(io::Error::other(told(error)))),
            }
        }
    }
}

async fn remove(client: &bollard::Docker, id: &str, most: Duration) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let _ = within(most, client.remove_container(id, Some(options))).await;
}

/// An engine's error in its own words.
fn told(error: EngineError) -> String {
    match error {
        EngineError::DockerResponseServerError { status_code, message } => format!("{message} ({status_code})"),
        EngineError::RequestTimeoutError => "it did not answer in time".into(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(&other);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            text
        }
    }
}

fn host_config(task: &Task<'_>) -> HostConfig {
    let limits = task.limits;
    let memory = i64::try_from(kept::memory_of(task)).unwrap_or(i64::MAX);
    let tmpfs = kept::scratch_of(task).map(|bytes| {
        let inodes = (bytes / 4096).clamp(16, 65536);
        let options = format!("rw,noexec,nosuid,nodev,mode=1777,size={bytes},nr_inodes={inodes}");
        HashMap::from([("/tmp".to_owned(), options)])
    });
    let mounts = (task.profile == Profile::HostUsr).then(|| {
        let mount = |name: &str| Mount {
            typ: Some(MountType::BIND),
            source: Some(format!("/{name}")),
            target: Some(format!("/{name}")),
            read_only: Some(true),
            bind_options: Some(MountBindOptions {
                propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
                ..MountBindOptions::default()
            }),
            ..Mount::default()
        };
        engine_profile::host_directories().into_iter().map(mount).collect()
    });
    HostConfig {
        network_mode: Some("none".into()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into(), format!("seccomp={}", engine_profile::seccomp(false))]),
        privileged: Some(false),
        ipc_mode: Some("none".into()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        memory: Some(memory),
        memory_swap: Some(memory),
        cpu_period: Some(100_000),
        cpu_quota: Some(i64::from(limits.cpu_percent.max(1)) * 1000),
        // the engine's own start-up inside the container has threads, which count
        pids_limit: Some(i64::from(limits.processes).max(32) + 1),
        tmpfs,
        mounts,
        auto_remove: Some(true),
        init: Some(false),
        log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
        ..HostConfig::default()
    }
}

#[async_trait]
impl Backend for Docker {
    fn name(&self) -> String {
        "docker".into()
    }
    async fn prepare(&self) -> Result<(), Error> {
        if self.engine.get().is_none() {
            let engine = self.connect().await?;
            let _ = self.engine.set(engine);
        }
        Ok(())
    }
    async fn run(&self, task: &Task<'_>) -> Result<Finished, Error> {
        let engine = self.engine()?;
        let (mut left, id) = self.create(engine, task).await?;
        let talked = self.converse(engine, &id, task).await;
        if talked.is_err() {
            remove(&engine.client, &id, self.patience.answer).await;
        }
        let clean = self.removed(engine, &id).await;
        left.id = None;
        let (heard, starved) = talked?;
        heard.finish(task, starved, clean)
    }
    fn coverage(&self) -> Coverage {
        let unknown = || Coverage { memory: false, pids: false, cpu: false, how: "the engine was not asked".into() };
        self.engine.get().map_or_else(unknown, |engine| engine.coverage.clone())
    }
    fn mechanism(&self, guarantee: Guarantee, landlock: u32) -> Row {
        row::mechanism(guarantee, &self.coverage(), landlock)
    }
    fn recipe(&self, profile: Profile) -> Vec<u8> {
        let version = self.engine.get().map(|engine| engine.version.as_str()).unwrap_or_default();
        format!("{version}\n{}\n{}", engine_profile::seccomp(false), profile.word()).into_bytes()
    }
}

/// Makes a container. The engine goes on when the caller goes away, so this does too: what was made is removed then.
async fn create(
    client: bollard::Docker,
    body: ContainerCreateBody,
    most: Duration,
) -> Result<(Left, String), EngineError> {
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let created = within(most, client.create_container(None::<CreateContainerOptions>, body)).await;
        let left = created.map(|created| (Left { client, id: Some(created.id.clone()), most }, created.id));
        // whoever is not there any more drops it
        let _ = tell.send(left);
    });
    let lost = |_| EngineError::IOError { err: io::ErrorKind::BrokenPipe.into() };
    told.await.map_err(lost)?
}

/// Removes the container of a call that was dropped.
struct Left {
    client: bollard::Docker,
    id: Option<String>,
    most: Duration,
}

impl Drop for Left {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            let (client, most) = (self.client.clone(), self.most);
            runtime.spawn(async move { remove(&client, &id, most).await });
        }
    }
}
