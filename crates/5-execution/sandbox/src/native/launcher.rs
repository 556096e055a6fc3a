//! One launcher as the server sees it: a child process, a packet channel and a control group.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use sandbox_launcher::{
    launcher::{INNER_ID, MAP_REQUEST},
    sys,
    wire::{Hello, Job, MAX_PACKET, Profile, Report, STOP},
};
use tokio::{io::Interest, net::UnixDatagram, time::timeout};

use super::cgroup::Cell;

/// A launcher that waits for jobs. Dropping it kills whatever runs in it.
pub struct Launcher {
    pub profile: Profile,
    /// The tree that its guests see, if it is one of ours.
    pub tree: Option<PathBuf>,
    /// The version of Landlock in force, 0 = none.
    pub landlock: u32,
    pub cell: Option<Cell>,
    /// A packet channel (SOCK_SEQPACKET); tokio's datagram type serves to wait for it.
    control: Option<UnixDatagram>,
    child: Option<Child>,
    undertaker: mpsc::Sender<Remains>,
}

/// What is left of a launcher whose channel is closed.
pub struct Remains {
    child: Child,
    cell: Option<Cell>,
}

/// Why a launcher did not start.
#[derive(Debug)]
pub struct NotStarted {
    pub step: String,
    pub error: io::Error,
}

/// Starting takes milliseconds, and seconds on a machine that is busy beyond measure; after this long something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

impl Launcher {
    /// Starts one for `profile`; `host_id` is the user that it becomes when the server is root and
    /// has one to give.
    pub async fn start(
        program: BorrowedFd<'_>,
        profile: Profile,
        tree: Option<&Path>,
        cell: Cell,
        host_id: Option<u32>,
        undertaker: mpsc::Sender<Remains>,
    ) -> Result<Self, NotStarted> {
        let at = |step: &str| {
            let step = step.to_owned();
            move |error| NotStarted { step, error }
        };
        let (ours, theirs) = sys::packet_pair().map_err(at("socketpair"))?;
        let user = if host_id.is_some() { "given" } else { "own" };
        let mut arguments = vec!["launch", profile.word(), user];
        if let Some(tree) = tree {
            let text = tree.to_str().ok_or(io::ErrorKind::InvalidFilename.into()).map_err(at("name the tree"))?;
            arguments.push(text);
        }
        let child = spawn(program, &arguments, theirs).map_err(at("start the launcher"))?;
        let mut launcher = Self {
            profile,
            tree: tree.map(Path::to_owned),
            landlock: 0,
            cell: Some(cell),
            control: None,
            child: Some(child),
            undertaker,
        };
        let pid = launcher.child.as_ref().map_or(0, Child::id);
        if let Some(cell) = &launcher.cell {
            cell.place(pid).map_err(at("place the launcher in its control group"))?;
        }
        launcher.control = Some(watch(ours).map_err(at("watch the launcher"))?);
        let mut packet = launcher.hear().await.map_err(at("hear the launcher"))?;
        if let (MAP_REQUEST, Some(host_id)) = (packet.as_slice(), host_id) {
            write_maps(pid, host_id).map_err(at("write the launcher's user map"))?;
            launcher.say(b"written", &[]).await.map_err(at("answer the launcher"))?;
            packet = launcher.hear().await.map_err(at("hear the launcher"))?;
        }
        match Hello::decode(&packet) {
            Some(hello) if hello.failed_at.is_empty() => launcher.landlock = hello.landlock,
            Some(hello) => return Err(at(&hello.failed_at)(io::Error::from_raw_os_error(hello.errno))),
            None => return Err(at("hear the launcher")(io::ErrorKind::InvalidData.into())),
        }
        Ok(launcher)
    }

    /// Hands in a job; its outcome is told by [`Self::report`].
    pub async fn submit(&self, job: &Job, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.say(&job.encode(), fds).await
    }
    /// Kills the job that runs.
    pub async fn stop(&self) -> io::Result<()> {
        self.say(STOP, &[]).await
    }
    /// Waits for the job's end.
    pub async fn report(&self, within: Duration) -> io::Result<Report> {
        let packet = timeout(within, self.packet()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Report::decode(&packet).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    async fn hear(&self) -> io::Result<Vec<u8>> {
        timeout(PATIENCE, self.packet()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
    async fn packet(&self) -> io::Result<Vec<u8>> {
        let control = self.control.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let mut into = [0; 512];
        match control.async_io(Interest::READABLE, || sys::receive(control.as_fd(), &mut into, false)).await? {
            (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (n, _) => Ok(into[..n].to_vec()),
        }
    }
    async fn say(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let control = self.control.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        if bytes.len() > MAX_PACKET {
            return Err(io::Error::other("the job is too long"));
        }
        control.async_io(Interest::WRITABLE, || sys::send(control.as_fd(), bytes, fds, false)).await
    }
    /// Whether it still runs; somebody may have killed it while it waited.
    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }
    /// The launcher's process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.control = None; // the launcher sees this, kills its guest, and ends
        if let Some(child) = self.child.take() {
            let remains = Remains { child, cell: self.cell.take() };
            if let Err(mpsc::SendError(remains)) = self.undertaker.send(remains) {
                remains.bury();
            }
        }
    }
}

impl Remains {
    /// Waits until the launcher is gone, and removes its group.
    pub fn bury(mut self) {
        for round in 0u32.. {
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => break,
            }
            if round == 400 {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(if round < 20 { 1 } else { 5 }));
        }
        if let Some(cell) = &self.cell {
            for _ in 0..400 {
                if cell.remove() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Starts our own helper program from its sealed file, with nothing but a channel as its standard input.
#[allow(clippy::disallowed_methods, reason = "processes are started here and nowhere else")]
pub fn spawn(program: BorrowedFd<'_>, arguments: &[&str], stdin: OwnedFd) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .arg0("nodeloom-launcher")
        .args(arguments)
        .env_clear()
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn watch(channel: OwnedFd) -> io::Result<UnixDatagram> {
    let channel = std::os::unix::net::UnixDatagram::from(channel);
    channel.set_nonblocking(true)?;
    UnixDatagram::from_std(channel)
}

fn write_maps(pid: u32, host_id: u32) -> io::Result<()> {
    let _ = std::fs::write(format!("/proc/{pid}/setgroups"), "deny");
    for name in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{pid}/{name}"), format!("{INNER_ID} {host_id} 1"))?;
    }
    Ok(())
}
