//! The OCI backend: runc, crun or runsc, one bundle per run, written by us.
//!
//! The runtime makes namespaces, control group, read-only root and a first filter; a keeper of ours is the container's
//! first process and does the rest, see [`crate::kept`]. The runtime's own program lives as long as the container; it,
//! the container and the bundle are gone when a run returns. When the server is killed, the keeper sees its standard
//! input close and ends; the next start removes what a killed runtime may have left.

mod bundle;
mod runtime;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use sandbox_launcher::{sys, wire::Profile};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe,
};

use crate::{
    Error, Guarantee, SandboxConfig,
    backend::{Backend, Coverage, Finished, JAVASCRIPT, LAUNCHER, Row, Task},
    engine_profile::{self, Item, KEEPER, RUNNER},
    kept::{self, Heard, Limited},
    native::Users,
};
use bundle::{Bundle, Identity};
use runtime::Runtime;

/// See the module.
pub struct Oci {
    asked: Option<PathBuf>,
    runtime: std::sync::OnceLock<Runtime>,
    base: PathBuf,
    users: Users,
    started: AtomicU32,
    next: AtomicU64,
    patience: Patience,
}

/// How long a runtime is waited for before it has failed.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// A run past its deadline, which the keeper inside enforces.
    run: Duration,
    /// The runtime's own process, when its container has ended.
    end: Duration,
    /// The removal of a container.
    delete: Duration,
}

const PATIENCE: Patience =
    Patience { run: Duration::from_secs(20), end: Duration::from_secs(15), delete: Duration::from_secs(30) };

static BASES: AtomicU64 = AtomicU64::new(0);

impl Oci {
    /// Prepares; starts nothing yet.
    pub fn new(config: &SandboxConfig) -> Result<Self, Error> {
        let place = place();
        runtime::sweep(&place);
        let nth = BASES.fetch_add(1, Ordering::Relaxed);
        let base = place.join(format!("nodeloom-oci-{}-{nth}", std::process::id()));
        let users = Users::find(config.first_uid);
        let this = Self {
            asked: config.oci_runtime.clone(),
            runtime: std::sync::OnceLock::new(),
            base,
            users,
            started: AtomicU32::new(0),
            next: AtomicU64::new(0),
            patience: PATIENCE,
        };
        this.lay_out().map_err(Error::broken("lay out the container's files"))?;
        Ok(this)
    }

    fn lay_out(&self) -> io::Result<()> {
        let _ = fs::remove_dir_all(&self.base);
        let directory = |path: &Path| {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        };
        let own = self.base.join("own");
        [&self.base, &own].into_iter().try_for_each(|path| directory(path))?;
        for (name, bytes) in [(KEEPER, LAUNCHER), (RUNNER, JAVASCRIPT)] {
            fs::write(own.join(name), bytes)?;
            fs::set_permissions(own.join(name), fs::Permissions::from_mode(0o555))?;
        }
        for (name, host_usr) in [("empty", false), ("usr", true)] {
            let root = self.base.join(name);
            directory(&root)?;
            directory(&root.join(".nodeloom"))?;
            for item in engine_profile::skeleton(host_usr) {
                let at = root.join(item.path());
                match item {
                    // a mount over it takes its mode
                    Item::Directory("tmp") => {
                        fs::create_dir(&at)?;
                        fs::set_permissions(&at, fs::Permissions::from_mode(0o1777))?;
                    }
                    Item::Directory(_) => directory(&at)?,
                    Item::File(_, bytes) => fs::write(&at, bytes)?,
                    Item::Link(_, target) => std::os::unix::fs::symlink(target, &at)?,
                }
            }
        }
        Ok(())
    }

    /// The root for a tree: places for what lies at its top.
    fn tree_root(&self, tree: &Path) -> io::Result<(PathBuf, Vec<String>)> {
        use std::os::unix::ffi::OsStrExt;
        let name = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tree.as_os_str().as_bytes()));
        let root = self.base.join(format!("tree-{}", &name[..16]));
        let mut shown = Vec::new();
        for directory in ["dev", "proc", "sys", "tmp", ".nodeloom"] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
        for entry in fs::read_dir(tree)? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let Some(name) = name.to_str().filter(|name| !["dev", "proc", "sys", "tmp", ".nodeloom"].contains(name))
            else {
                continue;
            };
            if kind.is_symlink() {
                match std::os::unix::fs::symlink(fs::read_link(entry.path())?, root.join(name)) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            } else if kind.is_dir() {
                fs::create_dir_all(root.join(name))?;
                shown.push(name.to_owned());
            }
        }
        Ok((root, shown))
    }

    fn runtime(&self) -> Result<&Runtime, Error> {
        if self.runtime.get().is_none() {
            let found = Runtime::find(self.asked.as_deref())?;
            let _ = self.runtime.set(found);
        }
        self.runtime.get().ok_or_else(|| runtime::absent("none was found"))
    }

    fn identity(&self) -> Identity {
        match self.users.pick(self.started.fetch_add(1, Ordering::Relaxed) * 2) {
            Some(first) => Identity::Mapped { first },
            None => Identity::Own { ids: sys::ids() },
        }
    }

    fn bundle(&self, task: &Task<'_>, runtime: &Runtime) -> Result<Bundle, Error> {
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("nodeloom-oci-{}-{}-{nth}", std::process::id(), self.base_number());
        let at = Error::broken("lay out the container's files");
        let (root, shown) = match (&task.profile, &task.tree) {
            (Profile::Tree, Some(tree)) => {
                let (root, shown) = self.tree_root(tree).map_err(at)?;
                (root, shown.into_iter().map(|name| (tree.join(&name), name)).collect())
            }
            (Profile::HostUsr, _) => {
                let shown = engine_profile::host_directories();
                (self.base.join("usr"), shown.into_iter().map(|n| (Path::new("/").join(n), n.to_owned())).collect())
            }
            _ => (self.base.join("empty"), Vec::new()),
        };
        Ok(Bundle {
            directory: self.base.join(&name),
            name,
            root,
            shown,
            own: self.base.join("own"),
            identity: self.identity(),
            groups: runtime.groups,
            own_kernel: runtime.has_own_kernel(),
        })
    }

    fn base_number(&self) -> &str {
        self.base.to_str().and_then(|text| text.rsplit('-').next()).unwrap_or("0")
    }

    async fn converse(&self, task: &Task<'_>, bundle: &Bundle, left: &mut Left<'_>) -> Result<(Heard, bool), Error> {
        let runtime = self.runtime()?;
        bundle.write(task).map_err(Error::broken("write the bundle"))?;
        let make = || -> io::Result<_> {
            let ((input_end, input), (output, output_end)) = (io::pipe()?, io::pipe()?);
            let (complaints, complaints_end) = io::pipe()?;
            Ok((input_end, input, output, output_end, complaints, complaints_end))
        };
        let (input_end, input, output, output_end, complaints, complaints_end) =
            make().map_err(Error::broken("pipe"))?;
        let mut command = runtime.command(&self.base);
        command.args(["run", "--bundle"]).arg(&bundle.directory).arg(&bundle.name);
        command.stdin(Stdio::from(input_end)).stdout(Stdio::from(output_end)).stderr(Stdio::from(complaints_end));
        left.child = Some(command.spawn().map_err(Error::broken("start the container runtime"))?);
        drop(command);
        let wrap = |error| Error::broken("talk to the container")(error);
        let mut to = pipe::Sender::from_owned_fd(input.into()).map_err(wrap)?;
        let mut from = pipe::Receiver::from_owned_fd(output.into()).map_err(wrap)?;
        let mut complaints = pipe::Receiver::from_owned_fd(complaints.into()).map_err(wrap)?;
        // the guest's user is nobody else's, or has a namespace of its own, in which it is counted alone
        let limited = Limited { memory: runtime.groups.memory(), processes: false };
        let packet = kept::packet(task, &limited);
        let mut heard = Heard::new(task);
        let talk = async {
            let hear = async {
                let mut buffer = Vec::with_capacity(64 << 10);
                loop {
                    buffer.clear();
                    match from.read_buf(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(_) if !heard.take(&buffer) => break,
                        Ok(_) => {}
                    }
                }
            };
            // a container that ends early does not read its job to the end
            let _ = tokio::join!(to.write_all(&packet), hear);
        };
        let in_time = tokio::time::timeout(task.limits.wall_clock + self.patience.run, talk).await.is_ok();
        let starved = runtime.groups.starved(&bundle.name);
        drop((to, from)); // the keeper has waited for this, and ends
        let most = if in_time { self.patience.end } else { Duration::ZERO };
        let ended = match left.child.take() {
            Some(child) => tokio::task::spawn_blocking(move || runtime::bury(child, most)).await.unwrap_or(false),
            None => true,
        };
        if !ended {
            self.kill(&bundle.name).await;
        }
        match (heard.end(), in_time) {
            (None, false) => Err(Error::broken("wait for the container")(io::ErrorKind::TimedOut.into())),
            (None, true) if !starved => {
                let mut said = vec![0; 16 << 10];
                let read = tokio::time::timeout(Duration::from_secs(1), complaints.read(&mut said)).await;
                said.truncate(read.ok().and_then(Result::ok).unwrap_or(0));
                let text = String::from_utf8_lossy(&said).trim().to_owned();
                let reason = text.lines().last().unwrap_or("it said nothing").to_owned();
                Err(Error::broken("start the container")(io::Error::other(reason)))
            }
            _ => Ok((heard, starved)),
        }
    }

    /// Kills and removes a container whatever its state.
    async fn kill(&self, name: &str) {
        if let Ok(runtime) = self.runtime() {
            let mut command = runtime.command(&self.base);
            command.args(["delete", "--force", name]);
            let most = self.patience.delete;
            let _ = tokio::task::spawn_blocking(move || runtime::ask(command, most)).await;
        }
    }
}

#[async_trait]
impl Backend for Oci {
    fn name(&self) -> String {
        let name = self.runtime.get().map(|runtime| runtime.name.clone()).or_else(|| {
            self.asked.as_ref().map(|path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned())
        });
        name.map_or("oci".into(), |name| format!("oci ({name})"))
    }
    async fn prepare(&self) -> Result<(), Error> {
        self.runtime().map(drop)
    }
    async fn run(&self, task: &Task<'_>) -> Result<Finished, Error> {
        let runtime = self.runtime()?;
        let bundle = self.bundle(task, runtime)?;
        let (command, patience) = (Some(runtime.command(&self.base)), self.patience);
        let mut left = Left { command, bundle: &bundle, child: None, patience };
        let talked = self.converse(task, &bundle, &mut left).await;
        let mut clean = !self.base.join("state").join(&bundle.name).exists();
        if !clean {
            self.kill(&bundle.name).await;
            clean = !self.base.join("state").join(&bundle.name).exists();
        }
        clean &= fs::remove_dir_all(&bundle.directory).is_ok() && runtime.groups.gone(&bundle.name);
        left.command = None;
        let (heard, starved) = talked?;
        heard.finish(task, starved, clean)
    }
    fn coverage(&self) -> Coverage {
        self.runtime.get().map_or_else(|| runtime::Groups::None.coverage(), |runtime| runtime.groups.coverage())
    }
    fn mechanism(&self, guarantee: Guarantee, landlock: u32) -> Row {
        let own = self.runtime.get().is_some_and(Runtime::has_own_kernel);
        let own = own.then(|| bundle::mechanism_of_own_kernel(guarantee)).flatten();
        own.unwrap_or_else(|| bundle::mechanism(guarantee, self.users, &self.coverage(), landlock))
    }
    fn recipe(&self, profile: Profile) -> Vec<u8> {
        let version = self.runtime.get().map(|runtime| runtime.version.clone()).unwrap_or_default();
        format!("{version}\n{}\n{}", engine_profile::seccomp(false), profile.word()).into_bytes()
    }
}

impl Drop for Oci {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.base);
    }
}

/// What stands between a dropped call and its leftovers: the pipes are closed with the future, the keeper ends by that;
/// the rest is removed here.
struct Left<'a> {
    /// `None`: nothing is left.
    command: Option<std::process::Command>,
    bundle: &'a Bundle,
    child: Option<std::process::Child>,
    patience: Patience,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let Some(mut command) = self.command.take() else { return };
        let (directory, name) = (self.bundle.directory.clone(), self.bundle.name.clone());
        let (child, patience) = (self.child.take(), self.patience);
        std::thread::spawn(move || {
            // the runtime removes its container when the keeper has ended; this is for when it could not
            let ended = child.is_none_or(|child| runtime::bury(child, Duration::from_secs(2).min(patience.end)));
            if !ended || directory.with_file_name("state").join(&name).exists() {
                command.args(["delete", "--force", &name]);
                let _ = runtime::ask(command, patience.delete);
            }
            let _ = fs::remove_dir_all(&directory);
        });
    }
}

/// A directory for our files that guests' users can pass through.
fn place() -> PathBuf {
    let user = sys::ids().0;
    let places = [PathBuf::from("/run"), PathBuf::from(format!("/run/user/{user}")), PathBuf::from("/dev/shm")];
    let writable = |at: &&PathBuf| {
        let probe = at.join(format!(".nodeloom-{}", std::process::id()));
        let made = fs::create_dir(&probe).is_ok();
        let _ = fs::remove_dir(&probe);
        made
    };
    places.iter().find(writable).cloned().unwrap_or_else(std::env::temp_dir)
}
