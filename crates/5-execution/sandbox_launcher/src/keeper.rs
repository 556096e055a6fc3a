//! The first process of a container that an engine made (Docker, runc and their kind): it takes one job from its standard
//! input, makes one child that gives up the rest and becomes the guest, and tells everything on its standard output in
//! frames ([`Frame`]): what the guest wrote, and how it ended, more exactly than an engine can.
//!
//! The engine made the namespaces, the read-only root, the user, the control group and a first filter. What is done here
//! again (descriptors, limits, files by Landlock, the guest's own filter) holds beside that, so that a guest meets the
//! same walls under every backend. When the server goes away, standard input closes; then the guest is killed and the
//! container ends, whatever became of the engine's client.
//!
//! The job: `length, job, length, standard input, length, program or script`, lengths as 8 bytes, little-endian.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    child::{self, Prepared, Step, at},
    filter, sys,
    wire::{Frame, Job, Kept, MAX_FRAME, MAX_PACKET, Profile, Report},
};

/// Our own files in every container: this program, and the JavaScript runner.
pub const DIRECTORY: &str = "/.nodeloom";
const OWN: &std::ffi::CStr = c"/.nodeloom/keeper";
const JAVASCRIPT: &std::ffi::CStr = c"/.nodeloom/javascript";

/// In [`Job::script`] of a job without a path: which of our own programs to execute instead of one that is handed in.
pub const RUN_JAVASCRIPT: &[u8] = b"\0javascript";
/// See [`RUN_JAVASCRIPT`].
pub const RUN_SELF_CHECK: &[u8] = b"\0self-check";

/// What a guest with files may read and execute beside its program. No /proc, /sys or /dev, which engines always show.
const READABLE: &[(&str, bool)] = &[
    ("/usr", true),
    ("/bin", true),
    ("/sbin", true),
    ("/lib", true),
    ("/lib32", true),
    ("/lib64", true),
    ("/libx32", true),
    ("/opt", true),
    ("/tmp", true),
    ("/etc/ld.so.cache", true),
    ("/etc/alternatives", true),
    ("/dev/null", false),
    ("/dev/zero", false),
    ("/dev/full", false),
    ("/dev/random", false),
    ("/dev/urandom", false),
];

/// So much more than the limit is read and thrown away before a guest is stopped.
const PATIENCE_BYTES: u64 = 64 << 20;

/// How often it is looked for an end that cannot be waited for.
const BLIND_MILLIS: i32 = 4;

/// See the module.
pub fn main(kind: &str) -> ExitCode {
    let Some(profile) = Profile::parse(kind) else { return ExitCode::from(2) };
    match keep(profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err((step, error)) => {
            let text = format!("{step}: {error}");
            let _ = put(Frame::Failed, &text.as_bytes()[..text.len().min(MAX_FRAME)]);
            ExitCode::FAILURE
        }
    }
}

type Failed = (&'static str, io::Error);

fn doing(step: &'static str) -> impl Fn(io::Error) -> Failed {
    move |error| (step, error)
}

fn put(kind: Frame, bytes: &[u8]) -> io::Result<()> {
    let mut to = io::stdout().lock();
    to.write_all(&kind.head(bytes.len() as u32))?;
    to.write_all(bytes)?;
    to.flush()
}

/// What the guest gets as descriptors, beside its output.
struct Given {
    stdin: OwnedFd,
    program: Option<OwnedFd>,
}

fn keep(profile: Profile) -> Result<(), Failed> {
    // the guest has the same user as this process: it must not reach it through /proc or a debugger
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).map_err(doing("hide from guests"))?;
    if !sys::is_first_process() {
        return Err(("look at the container", io::Error::other("it has no process namespace of its own")));
    }
    sys::private_files();
    sys::forget_signals();
    let (mut job, given) = take_job().map_err(doing("read the job"))?;
    if !job.path.is_empty() && !job.script.is_empty() {
        lay_script(&job, &given).map_err(doing("lay the script"))?;
    }
    let mut allowed = filter::of(profile);
    if job.scratch_bytes == 0 {
        // what could be changed then are devices, which an engine may have shown instead of made
        allowed.refuse(filter::TIMES);
    }
    let mut prepared = Prepared {
        profile,
        filter: filter::compile(&allowed),
        ruleset: None,
        landlock: 0,
        proc_directory: sys::open_directory(c"/proc").map_err(doing("open /proc"))?,
        launcher: sys::open_directory(c"/").map_err(doing("open /"))?, // nobody's death is waited for here
    };
    let own = match &job.script[..] {
        RUN_JAVASCRIPT => Some(JAVASCRIPT),
        RUN_SELF_CHECK => Some(OWN),
        _ => None,
    };
    prepared.add_landlock(READABLE);
    let given = match own {
        None => given,
        Some(path) => {
            job.script.clear();
            let program = File::open(std::ffi::OsStr::new(path.to_str().unwrap_or_default()));
            prepared.also_execute(path).map_err(doing("open the runner"))?;
            Given { program: Some(program.map_err(doing("open the runner"))?.into()), ..given }
        }
    };
    let kept = run(&prepared, &job, given)?;
    put(Frame::End, &kept.encode()).map_err(doing("tell the end"))?;
    // until the server has looked at the control group
    let _ = sys::poll([io::stdin().as_fd()], 5000);
    Ok(())
}

fn take_job() -> io::Result<(Job, Given)> {
    let mut from = io::stdin().lock();
    let size = take_length(&mut from)?;
    if size > MAX_PACKET as u64 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut packet = vec![0; size as usize];
    from.read_exact(&mut packet)?;
    let job = Job::decode(&packet).ok_or(io::ErrorKind::InvalidData)?;
    let stdin = take_file(&mut from, c"stdin", false)?;
    let program = take_file(&mut from, c"program", true)?;
    let has_program = job.path.is_empty() || !job.script.is_empty();
    Ok((job, Given { stdin, program: has_program.then_some(program) }))
}

fn take_length(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn take_file(from: &mut impl Read, name: &std::ffi::CStr, executable: bool) -> io::Result<OwnedFd> {
    let length = take_length(from)?;
    let mut into = File::from(sys::memory_file(name, executable)?);
    if io::copy(&mut from.take(length), &mut into)? != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let file = OwnedFd::from(into);
    sys::seal(&file)?;
    Ok(file)
}

/// A script goes into the container's /tmp under its name.
fn lay_script(job: &Job, given: &Given) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let name = std::str::from_utf8(&job.script).map_err(io::Error::other)?;
    let content = given.program.as_ref().map(|file| sys::read_all(file.as_fd())).transpose()?.unwrap_or_default();
    let path = std::path::Path::new("/tmp").join(name);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o500).open(path)?.write_all(&content)
}

/// One stream of the guest on its way to the server.
struct Stream {
    from: Option<io::PipeReader>,
    kind: Frame,
    room: u64,
    thrown: u64,
}

impl Stream {
    fn new(kind: Frame, room: u64) -> io::Result<(Self, OwnedFd)> {
        let (from, to) = io::pipe()?;
        Ok((Self { from: Some(from), kind, room, thrown: 0 }, to.into()))
    }
    /// Passes on what is there.
    fn pass(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Some(from) = &mut self.from else { return Ok(()) };
        let n = from.read(buffer)?;
        if n == 0 {
            self.from = None;
            return Ok(());
        }
        let keep = self.room.min(n as u64);
        self.room -= keep;
        self.thrown += n as u64 - keep;
        if keep > 0 { put(self.kind, &buffer[..keep as usize]) } else { Ok(()) }
    }
}

fn run(prepared: &Prepared, job: &Job, given: Given) -> Result<Kept, Failed> {
    let pipe = doing("make pipes");
    let (out, out_end) = Stream::new(Frame::Out, job.output_bytes[0]).map_err(&pipe)?;
    let (err, err_end) = Stream::new(Frame::Err, job.output_bytes[1]).map_err(&pipe)?;
    let (told, told_end) = Stream::new(Frame::Result, job.output_bytes[2]).map_err(&pipe)?;
    let (mut words, words_end) = io::pipe().map_err(&pipe)?;
    let mut fds = vec![given.stdin, out_end, err_end];
    // dropped when it is not handed on: the end of the pipe is the end of the result
    fds.extend(job.result_channel.then_some(told_end));
    fds.extend(given.program);
    let started = Instant::now();
    // some engines bring a kernel of their own, which knows no handles of processes
    let forked = match sys::fork_into(0) {
        Ok(sys::Side::Child) => None,
        Ok(sys::Side::Parent(pid, handle)) => Some((pid, handle)),
        Err(_) => sys::fork().map_err(doing("fork"))?.map(|pid| (pid, None)),
    };
    let Some((pid, handle)) = forked else { become_guest(prepared, job, &fds, &words_end) };
    drop((fds, words_end));
    sys::drop_capabilities().map_err(doing("give up rights"))?;
    let mut watch = Watch { streams: [out, err, told], started, cpu_us: 0, timed_out: false, flooded: false };
    let ended = watch.until_end(pid, handle.as_ref().map(AsFd::as_fd), job)?;
    let mut report = Report {
        status: ended.status,
        timed_out: watch.timed_out,
        wall_us: started.elapsed().as_micros() as u64,
        cpu_us: watch.cpu_us,
        peak_bytes: ended.peak_bytes,
        ..Report::default()
    };
    let mut told = Vec::new();
    words.read_to_end(&mut told).map_err(doing("hear the guest"))?;
    if let Some((step, errno)) = child::read_words(&told).last() {
        (report.failed_step, report.errno) = (step, errno);
    }
    let (memory_kills, peak) = own_group();
    report.peak_bytes = peak.unwrap_or(report.peak_bytes);
    let [out, err, result] = &watch.streams;
    Ok(Kept {
        report,
        memory_kills,
        landlock: prepared.landlock,
        cut: [out, err, result].map(|stream| stream.thrown > 0),
        flooded: watch.flooded,
    })
}

struct Watch {
    streams: [Stream; 3],
    started: Instant,
    cpu_us: u64,
    timed_out: bool,
    flooded: bool,
}

impl Watch {
    /// Passes output on until the guest and all that it left behind are gone.
    fn until_end(&mut self, pid: i32, handle: Option<BorrowedFd<'_>>, job: &Job) -> Result<sys::Ended, Failed> {
        let deadline = self.started + Duration::from_millis(job.wall_ms);
        let mut buffer = vec![0; MAX_FRAME];
        let mut ended = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if ended.is_none() && left.is_zero() && !self.timed_out {
                self.timed_out = true;
                sys::kill_all();
            }
            let blind = ended.is_none() && handle.is_none();
            let millis = if blind {
                BLIND_MILLIS
            } else if self.timed_out {
                -1
            } else {
                i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX)
            };
            let stdin = io::stdin();
            let [out, err, told] = &self.streams;
            let pipes = [out, err, told].map(|stream| stream.from.as_ref().map(AsFd::as_fd));
            let asked = [handle.filter(|_| ended.is_none()), Some(stdin.as_fd()), pipes[0], pipes[1], pipes[2]];
            if ended.is_some() && pipes.iter().all(Option::is_none) {
                break;
            }
            let ready = sys::poll_some(&asked, millis).map_err(doing("wait for the guest"))?;
            if ready[1] {
                // the server is gone, or wants an end
                sys::kill_all();
                return Err(("serve", io::ErrorKind::BrokenPipe.into()));
            }
            for (stream, ready) in self.streams.iter_mut().zip(&ready[2..]) {
                if *ready {
                    stream.pass(&mut buffer).map_err(doing("pass output on"))?;
                }
                if stream.thrown > PATIENCE_BYTES && !self.flooded {
                    self.flooded = true;
                    sys::kill_all();
                }
            }
            while let Ok(Some(gone)) = sys::reap(-1, false) {
                self.cpu_us += gone.cpu_us;
                if gone.pid == pid {
                    // what it left behind dies with it
                    sys::kill_all();
                    ended = Some(gone);
                }
            }
        }
        while let Ok(Some(gone)) = sys::reap(-1, true) {
            self.cpu_us += gone.cpu_us;
        }
        ended.ok_or_else(|| ("wait for the guest", io::ErrorKind::NotFound.into()))
    }
}

/// (kills for want of memory, most memory used) of our own control group, where the engine shows it.
fn own_group() -> (Option<u64>, Option<u64>) {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let kills = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"].into_iter().find_map(read);
    let line = |text: String| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    let peak = ["/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"];
    let peak = peak.into_iter().find_map(read).and_then(|text| text.trim().parse().ok());
    (kills.and_then(line), peak)
}

/// Never returns: becomes the program, or tells why not and ends.
fn become_guest(prepared: &Prepared, job: &Job, fds: &[OwnedFd], words: &io::PipeWriter) -> ! {
    if let Err((step, error)) = enter(prepared, job, fds, words) {
        child::tell(std::os::fd::AsRawFd::as_raw_fd(words), step, error.raw_os_error().unwrap_or(0));
    }
    sys::leave(125)
}

/// The same steps as a launcher's child takes, without those that the engine took.
fn enter(prepared: &Prepared, job: &Job, fds: &[OwnedFd], words: &io::PipeWriter) -> Result<(), child::Failed> {
    sys::prctl(libc::PR_SET_DUMPABLE, 1, 0).map_err(at(Step::UserMap))?;
    let _ = sys::write_below(prepared.proc_directory.as_fd(), c"self/oom_score_adj", b"1000");
    let _ = sys::new_session();
    sys::usual_signals();
    // a script lies in /tmp already
    let fds = if !job.path.is_empty() && !job.script.is_empty() { &fds[..fds.len() - 1] } else { fds };
    child::descriptors(&Job { script: Vec::new(), ..job.clone() }, fds, words).map_err(at(Step::Descriptors))?;
    child::limits(prepared.profile, job).map_err(at(Step::Limits))?;
    give_up_rights(prepared).map_err(at(Step::Capabilities))?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map_err(at(Step::NoNewPrivileges))?;
    child::restrict_files(prepared, job).map_err(at(Step::Landlock))?;
    sys::load_filter(&prepared.filter).map_err(at(Step::Filter))?;
    Err((Step::Execute, child::execute(prepared.profile, job)))
}

/// The engine was told to leave no capability in any set, and a user that is not root. Where an ordinary user started
/// the container, it may have had one number to give, and made it the root of its namespace: then the guest gets a
/// namespace below, in which it is somebody else.
fn give_up_rights(prepared: &Prepared) -> io::Result<()> {
    if sys::ids().0 == 0 {
        sys::unshare(libc::CLONE_NEWUSER)?;
        child::map_self(prepared.proc_directory.as_fd(), 0, 0)?;
        sys::become_user(crate::launcher::INNER_ID)?;
        return child::capabilities();
    }
    let bounding = (0..64).any(|capability| sys::prctl(libc::PR_CAPBSET_READ, capability, 0).unwrap_or(0) == 1);
    let (user, group) = sys::ids();
    if bounding || sys::capabilities()? != [0; 6] || user == 0 || group == 0 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    sys::drop_capabilities()
}
