//! The life of a launcher: give everything up, say hello, take one job after the other.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    process::ExitCode,
    time::{Duration, Instant},
};

use libc::{CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS};

use crate::{
    child::{self, Prepared},
    filter, root, sys,
    wire::{Hello, Job, MAX_PACKET, Profile, Report, STOP},
};

/// The user and group of guests inside.
pub const INNER_ID: u32 = 1000;

/// Sent by a launcher that was started by root: "write my user map"; any answer means that it is written.
pub const MAP_REQUEST: &[u8] = b"map";

/// After so long without a job a launcher lets go of the memory that it does not need for waiting.
const IDLE_MILLIS: i32 = 40;

type Failed = (&'static str, io::Error);

fn at(step: &'static str) -> impl Fn(io::Error) -> Failed {
    move |error| (step, error)
}

/// Runs until the server closes its end of the channel, which is standard input. With `given_user`, the server, which is
/// root, gives it a user of its own; otherwise it keeps the server's.
pub fn main(kind: &str, given_user: bool, tree: Option<&str>) -> ExitCode {
    let Some(profile) = Profile::parse(kind) else { return ExitCode::from(2) };
    let stdin = io::stdin();
    let control = stdin.as_fd();
    match prepare(profile, given_user, tree, control) {
        Err((step, error)) => {
            let hello = Hello { failed_at: step.into(), errno: error.raw_os_error().unwrap_or(0), landlock: 0 };
            let _ = sys::send(control, &hello.encode(), &[], true);
            ExitCode::FAILURE
        }
        Ok(prepared) => {
            let hello = Hello { failed_at: String::new(), errno: 0, landlock: prepared.landlock };
            match sys::send(control, &hello.encode(), &[], true).and_then(|()| serve(&prepared, control)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn prepare(
    profile: Profile,
    given_user: bool,
    tree: Option<&str>,
    control: BorrowedFd<'_>,
) -> Result<Prepared, Failed> {
    sys::close_range(3, u32::MAX, false).map_err(at("close_range"))?;
    sys::place(2, 3, true).map_err(at("dup"))?; // number 3 stays taken: it is the guest's result channel
    sys::close_range(0, 3, true).map_err(at("close_range"))?;
    let _ = sys::new_session();
    // what the server's own parent made it ignore is no business of guests
    sys::forget_signals();
    // while root may still raise it
    child::no_core().map_err(at("rlimits"))?;
    let proc_directory = sys::open_directory(c"/proc").map_err(at("open /proc"))?;
    let (user, group) = sys::ids();
    let left = sys::leave_groups(); // an ordinary user cannot
    if given_user {
        left.map_err(at("setgroups"))?;
        sys::unshare(CLONE_NEWUSER).map_err(at("unshare user namespace"))?;
        sys::send(control, MAP_REQUEST, &[], true).map_err(at("ask for a user map"))?;
        let (n, _) = sys::receive(control, &mut [0; 16], true).map_err(at("wait for a user map"))?;
        if n == 0 {
            return Err(("wait for a user map", io::ErrorKind::UnexpectedEof.into()));
        }
        // keep the rights inside our own namespace while the user changes
        sys::prctl(libc::PR_SET_SECUREBITS, 1 << 2, 0).map_err(at("securebits"))?;
        sys::become_user(INNER_ID).map_err(at("setresuid"))?;
        sys::prctl(libc::PR_SET_DUMPABLE, 1, 0).map_err(at("dumpable"))?;
    } else {
        sys::unshare(CLONE_NEWUSER).map_err(at("unshare user namespace"))?;
        child::map_self(proc_directory.as_fd(), user, group).map_err(at("write the user map"))?;
    }
    sys::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
        .map_err(at("unshare namespaces"))?;
    root::enter(profile, tree).map_err(at("build the root"))?;
    sys::private_files();
    let mut prepared = Prepared {
        profile,
        filter: filter::compile(&filter::of(profile)),
        ruleset: None,
        landlock: 0,
        proc_directory,
        launcher: sys::own_handle().map_err(at("pidfd_open"))?,
    };
    prepared.add_landlock(&[("/", true), ("/dev", false)]);
    Ok(prepared)
}

fn serve(prepared: &Prepared, control: BorrowedFd<'_>) -> io::Result<()> {
    let mut packet = vec![0; MAX_PACKET];
    loop {
        // whoever waits for long gives back what can be read again
        if !sys::poll([control], IDLE_MILLIS)?[0] {
            packet.clear();
            packet.shrink_to_fit();
            sys::drop_clean_pages();
            while !sys::poll([control], -1)?[0] {}
            packet.resize(MAX_PACKET, 0);
        }
        let (n, fds) = sys::receive(control, &mut packet, true)?;
        if n == 0 {
            return Ok(());
        }
        if packet[..n] == *STOP {
            continue; // it crossed the report of a job that ended by itself
        }
        let job = Job::decode(&packet[..n]).ok_or(io::ErrorKind::InvalidData)?;
        match run(prepared, control, &job, fds)? {
            Some(report) => sys::send(control, &report.encode(), &[], true)?,
            None => return Ok(()),
        }
    }
}

/// `None`: the server is gone, and so is the guest.
fn run(
    prepared: &Prepared,
    control: BorrowedFd<'_>,
    job: &Job,
    fds: Vec<std::os::fd::OwnedFd>,
) -> io::Result<Option<Report>> {
    let started = Instant::now();
    let deadline = started + Duration::from_millis(job.wall_ms);
    let (mut told, tell) = io::pipe()?;
    let network = if job.own_network { CLONE_NEWNET } else { 0 };
    let spaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | network;
    let (pid, handle) = match sys::fork_into(spaces) {
        Ok(sys::Side::Child) => child::become_guest(prepared, job, &fds, &tell),
        Ok(sys::Side::Parent(pid, Some(handle))) => (pid, handle),
        // without a handle there is no sure way to kill: the launcher gives up, and the guest goes with it
        Ok(sys::Side::Parent(_, None)) => return Err(io::ErrorKind::Unsupported.into()),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(0);
            return Ok(Some(Report { failed_step: child::Step::Fork as u32, errno, ..Report::default() }));
        }
    };
    drop((fds, tell));
    let (mut timed_out, mut stopped, mut abandoned) = (false, false, false);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            timed_out = true;
            break;
        }
        let millis = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
        let [ended, spoken] = sys::poll([handle.as_fd(), control], millis)?;
        if ended {
            break;
        }
        if spoken {
            let (n, _) = sys::receive(control, &mut [0; 16], true)?;
            abandoned = n == 0;
            stopped = true;
            break;
        }
    }
    if timed_out || stopped {
        sys::kill(handle.as_fd())?;
    }
    // returns when the first process of the namespace and with it all others are gone
    let ended = sys::reap(pid, true)?.ok_or(io::ErrorKind::NotFound)?;
    if abandoned {
        return Ok(None);
    }
    let mut report = Report {
        status: ended.status,
        timed_out,
        wall_us: started.elapsed().as_micros() as u64,
        cpu_us: ended.cpu_us,
        peak_bytes: ended.peak_bytes,
        ..Report::default()
    };
    let mut words = Vec::new();
    io::Read::read_to_end(&mut told, &mut words)?;
    for (kind, value) in child::read_words(&words) {
        if kind == child::Step::Ended as u32 {
            report.status = value;
        } else {
            (report.failed_step, report.errno) = (kind, value);
        }
    }
    Ok(Some(report))
}
