//! From a fresh copy of the launcher to the guest's program: every right is given up on this page, in order.

use std::{
    ffi::CString,
    io::{self, PipeWriter},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope, make_bitflags,
};

use crate::{
    filter::{Instruction, PROGRAM_FD},
    launcher::INNER_ID,
    sys,
    wire::{Job, Profile},
};

/// Where a child failed, or that its program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Step {
    Fork = 1,
    FollowParent,
    UserMap,
    Scratch,
    User,
    Descriptors,
    Limits,
    Capabilities,
    NoNewPrivileges,
    Landlock,
    Filter,
    SecondFork,
    Execute,
    /// Not a failure: the value is the program's wait status.
    Ended,
}

impl Step {
    /// The words for a report.
    pub fn name(number: u32) -> &'static str {
        const NAMES: [&str; 15] = [
            "nothing",
            "clone",
            "prctl PDEATHSIG",
            "user map",
            "scratch mount",
            "setresuid",
            "descriptors",
            "rlimits",
            "capabilities",
            "no_new_privs",
            "landlock",
            "seccomp",
            "fork",
            "execve",
            "end",
        ];
        NAMES.get(number as usize).copied().unwrap_or("an unknown step")
    }
}

/// What a launcher has ready before the first job.
pub struct Prepared {
    pub profile: Profile,
    pub filter: Vec<Instruction>,
    pub ruleset: Option<RulesetCreated>,
    /// The version of Landlock in force, 0 = none.
    pub landlock: u32,
    pub proc_directory: OwnedFd,
    /// The launcher itself, to notice its death.
    pub launcher: OwnedFd,
}

/// Descriptors are moved here first, so that none overwrites another on its way down to 0..=3.
const PARKED: i32 = 190;
pub(crate) const WORDS_FD: i32 = 198;

pub(crate) type Failed = (Step, io::Error);

pub(crate) fn at(step: Step) -> impl Fn(io::Error) -> Failed {
    move |error| (step, error)
}

/// Maps [`INNER_ID`] to the given outer ids for the calling process, which just entered a user namespace.
pub fn map_self(proc_directory: BorrowedFd<'_>, user: u32, group: u32) -> io::Result<()> {
    match sys::write_below(proc_directory, c"self/setgroups", b"deny") {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => return Err(error),
        _ => {}
    }
    sys::write_below(proc_directory, c"self/uid_map", format!("{INNER_ID} {user} 1").as_bytes())?;
    sys::write_below(proc_directory, c"self/gid_map", format!("{INNER_ID} {group} 1").as_bytes())
}

/// Never returns: becomes the program, or tells why not and ends.
pub fn become_guest(prepared: &Prepared, job: &Job, fds: &[OwnedFd], words: &PipeWriter) -> ! {
    if let Err((step, error)) = enter(prepared, job, fds, words) {
        tell(words.as_raw_fd(), step, error.raw_os_error().unwrap_or(0));
    }
    sys::leave(125)
}

pub(crate) fn tell(fd: i32, step: Step, value: i32) {
    let mut word = (step as u32).to_le_bytes().to_vec();
    word.extend(value.to_le_bytes());
    sys::last_words(fd, &word);
}

/// Reads what [`tell`] wrote.
pub fn read_words(bytes: &[u8]) -> impl Iterator<Item = (u32, i32)> {
    bytes.as_chunks::<8>().0.iter().map(|word| {
        let [a, b, c, d, e, f, g, h] = *word;
        (u32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
    })
}

fn enter(prepared: &Prepared, job: &Job, fds: &[OwnedFd], words: &PipeWriter) -> Result<(), Failed> {
    // die with the launcher, also if it died just now
    let follow =
        || sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong, 0).map_err(at(Step::FollowParent));
    follow()?;
    if sys::poll([prepared.launcher.as_fd()], 0).map_err(at(Step::FollowParent))?[0] {
        return Err((Step::FollowParent, io::ErrorKind::NotFound.into()));
    }
    map_self(prepared.proc_directory.as_fd(), INNER_ID, INNER_ID).map_err(at(Step::UserMap))?;
    let _ = sys::write_below(prepared.proc_directory.as_fd(), c"self/oom_score_adj", b"1000");
    let _ = sys::host_name(c"sandbox");
    scratch(job, fds).map_err(at(Step::Scratch))?;
    sys::become_user(INNER_ID).map_err(at(Step::User))?;
    follow()?; // a change of user forgets it
    let _ = sys::new_session();
    sys::usual_signals();
    descriptors(job, fds, words).map_err(at(Step::Descriptors))?;
    limits(prepared.profile, job).map_err(at(Step::Limits))?;
    capabilities().map_err(at(Step::Capabilities))?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map_err(at(Step::NoNewPrivileges))?;
    restrict_files(prepared, job).map_err(at(Step::Landlock))?;
    sys::load_filter(&prepared.filter).map_err(at(Step::Filter))?;
    if prepared.profile != Profile::Javascript
        && let sys::Side::Parent(pid, _) = sys::fork_into(0).map_err(at(Step::SecondFork))?
    {
        first_process(pid);
    }
    tell(WORDS_FD, Step::Execute, execute(prepared.profile, job).raw_os_error().unwrap_or(0));
    sys::leave(125)
}

/// Becomes the job's program; returns only when that fails.
pub(crate) fn execute(profile: Profile, job: &Job) -> io::Error {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let words = || -> io::Result<_> {
        Ok((text(&job.path)?, job.arguments.iter().map(|bytes| text(bytes)).collect::<io::Result<Vec<_>>>()?))
    };
    match words() {
        Ok((path, arguments)) => {
            let program = job.path.is_empty().then_some(PROGRAM_FD);
            sys::execute(program, &path, &arguments, &environment(profile, job))
        }
        Err(_) => io::Error::from_raw_os_error(libc::EINVAL),
    }
}

/// The first process of a guest that may have many: buries the dead and passes on how the program ended. It is held
/// by the same filter and has no right and no descriptor but the channel for its last words.
fn first_process(program: i32) -> ! {
    let _ = sys::close_range(0, WORDS_FD as u32 - 1, false);
    let _ = sys::close_range(WORDS_FD as u32 + 1, u32::MAX, false);
    loop {
        match sys::reap(-1, true) {
            Ok(Some(ended)) if ended.pid == program => {
                tell(WORDS_FD, Step::Ended, ended.status);
                sys::leave(0); // and the kernel kills whatever is left
            }
            Ok(_) => {}
            Err(_) => sys::leave(125),
        }
    }
}

/// A /tmp of the guest's own, when it may write there or a script is handed in.
fn scratch(job: &Job, fds: &[OwnedFd]) -> io::Result<()> {
    let script = match fds.last() {
        Some(fd) if !job.script.is_empty() => Some(sys::read_all(fd.as_fd())?),
        _ => None,
    };
    if script.is_none() && job.scratch_bytes == 0 {
        return Ok(());
    }
    let bytes = job.scratch_bytes + script.as_ref().map_or(0, |script| script.len() as u64 + 8192);
    let inodes = (bytes / 4096).clamp(16, 65536);
    let options = CString::new(format!("size={bytes},nr_inodes={inodes},mode=700"))?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    sys::mount(c"scratch", c"/tmp", c"tmpfs", flags, &options)?;
    if let Some(script) = script {
        let name = std::str::from_utf8(&job.script).map_err(io::Error::other)?;
        std::fs::write(std::path::Path::new("/tmp").join(name), script)?;
    }
    if job.scratch_bytes == 0 {
        sys::mount(c"scratch", c"/tmp", c"", flags | libc::MS_REMOUNT | libc::MS_RDONLY, &options)?;
    }
    Ok(())
}

pub(crate) fn descriptors(job: &Job, fds: &[OwnedFd], words: &PipeWriter) -> io::Result<()> {
    let kept = 3 + i32::from(job.result_channel);
    if fds.len() as i32 != kept + i32::from(job.path.is_empty() || !job.script.is_empty()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (number, fd) in fds.iter().enumerate() {
        sys::place(fd.as_raw_fd(), PARKED + number as i32, true)?;
    }
    sys::place(words.as_raw_fd(), WORDS_FD, true)?;
    if job.path.is_empty() {
        sys::place(PARKED + kept, PROGRAM_FD, true)?;
    }
    for number in 0..kept {
        sys::place(PARKED + number, number, false)?;
    }
    sys::close_range(kept as u32, u32::MAX, true)
}

/// No core of a guest, in a file or elsewhere. With a limit of 0 a host that pipes cores into a program of its own
/// (systemd-coredump, apport) would still start it, as root, with the guest's memory as its input; a limit of 1 is the one
/// that the kernel takes for "no" there too. The filter keeps guests from changing it.
pub(crate) fn no_core() -> io::Result<()> {
    match sys::limit(libc::RLIMIT_CORE, 1, 1) {
        // whoever started the server took this much away for good
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => sys::limit(libc::RLIMIT_CORE, 0, 0),
        set => set,
    }
}

pub(crate) fn limits(profile: Profile, job: &Job) -> io::Result<()> {
    let same = |which, value| sys::limit(which, value, value);
    no_core()?;
    same(libc::RLIMIT_FSIZE, job.scratch_bytes)?;
    same(libc::RLIMIT_MEMLOCK, 64 << 10)?;
    let lesser =
        [(libc::RLIMIT_MSGQUEUE, 0), (libc::RLIMIT_NICE, 0), (libc::RLIMIT_RTPRIO, 0), (libc::RLIMIT_SIGPENDING, 1024)];
    for (which, value) in lesser {
        match same(which, value) {
            // gVisor's kernel has none of these; Linux lets everybody lower them
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
            set => set?,
        }
    }
    same(libc::RLIMIT_STACK, 8 << 20)?;
    if job.address_space > 0 {
        same(libc::RLIMIT_AS, job.address_space)?;
    }
    // one more second for the hard limit where the soft one's signal is not ignored, as it is in a first process
    let grace = u64::from(profile != Profile::Javascript);
    sys::limit(libc::RLIMIT_CPU, job.cpu_seconds, job.cpu_seconds + grace)?;
    // the first process of a guest with several counts too
    if job.processes > 0 {
        same(libc::RLIMIT_NPROC, job.processes + grace)?;
    }
    same(libc::RLIMIT_NOFILE, job.open_files)
}

pub(crate) fn capabilities() -> io::Result<()> {
    // the highest known number is asked for by trying
    for capability in 0..64 {
        if sys::prctl(libc::PR_CAPBSET_DROP, capability, 0).is_err() {
            break;
        }
    }
    // no capability ever comes from being user 0, and this cannot be undone
    sys::prctl(libc::PR_SET_SECUREBITS, 0b1110_1111, 0)?;
    match sys::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0) {
        Err(error) if error.raw_os_error() != Some(libc::EINVAL) => return Err(error),
        _ => {}
    }
    sys::drop_capabilities()
}

fn environment(profile: Profile, job: &Job) -> Vec<CString> {
    match profile {
        Profile::Javascript => Vec::new(),
        _ if job.scratch_bytes > 0 => {
            vec![c"PATH=/usr/bin:/bin".into(), c"LANG=C.UTF-8".into(), c"HOME=/tmp".into(), c"TMPDIR=/tmp".into()]
        }
        _ => vec![c"PATH=/usr/bin:/bin".into(), c"LANG=C.UTF-8".into(), c"HOME=/".into()],
    }
}

impl Prepared {
    /// One more file that guests may execute.
    pub fn also_execute(&mut self, path: &std::ffi::CStr) -> io::Result<()> {
        let Some(ruleset) = self.ruleset.take() else { return Ok(()) };
        let file = PathFd::new(path.to_str().map_err(io::Error::other)?).map_err(io::Error::other)?;
        let access = make_bitflags!(AccessFs::{ReadFile | Execute});
        self.ruleset = Some(ruleset.add_rule(PathBeneath::new(file, access)).map_err(io::Error::other)?);
        Ok(())
    }

    /// Prepares the second wall around files, as far as this kernel knows it. `open` may be read and executed, or, for
    /// devices, read and written; what is not there is left out.
    pub fn add_landlock(&mut self, open: &[(&str, bool)]) {
        let newest = ABI::V6;
        let Ok(mut ruleset) = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(newest))
            .and_then(|set| set.handle_access(AccessNet::from_all(newest)))
            .and_then(|set| set.scope(Scope::from_all(newest)))
            .and_then(Ruleset::create)
        else {
            return;
        };
        let tree = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});
        let file = make_bitflags!(AccessFs::{ReadFile | Execute});
        let device = make_bitflags!(AccessFs::{ReadFile | WriteFile});
        for (path, executable) in open.iter().filter(|_| self.profile.has_files()) {
            let access = match (executable, std::path::Path::new(path).is_file()) {
                (true, false) => tree,
                (true, true) => file,
                (false, _) => device,
            };
            let Ok(directory) = PathFd::new(path) else { continue };
            let Ok(more) = ruleset.add_rule(PathBeneath::new(directory, access)) else { return };
            ruleset = more;
        }
        self.landlock = sys::landlock_version();
        self.ruleset = (self.landlock > 0).then_some(ruleset);
    }
}

pub(crate) fn restrict_files(prepared: &Prepared, job: &Job) -> io::Result<()> {
    let Some(ruleset) = &prepared.ruleset else { return Ok(()) };
    let mut ruleset = ruleset.try_clone()?;
    if job.scratch_bytes > 0 {
        let all = AccessFs::from_all(ABI::V6) & !AccessFs::Execute;
        let directory = PathFd::new("/tmp").map_err(io::Error::other)?;
        ruleset = ruleset.add_rule(PathBeneath::new(directory, all)).map_err(io::Error::other)?;
    }
    ruleset.restrict_self().map(drop).map_err(io::Error::other)
}
