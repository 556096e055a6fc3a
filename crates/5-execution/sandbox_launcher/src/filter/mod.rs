//! Which system calls a guest may make: plain data ([`lists`]) and a compiler to a short decision tree for the kernel.
//!
//! Written here instead of taken from a crate because one filter needs several answers (allow, an error, kill) and
//! because the kernel evaluates it once for every system call number when it is loaded: a tree of depth eight costs a
//! tenth of a list of comparisons. [`judge`] runs a compiled filter, so that tests can ask it about every number.

mod compile;
mod lists;
mod outer;

pub use compile::{Instruction, compile, judge};
pub use lists::{NAMESPACES, TIMES};
pub use outer::outer;

use crate::wire::Profile;

/// The answer to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It happens.
    Allow,
    /// It fails with this error number.
    Errno(u16),
    /// The whole process dies.
    Kill,
}

/// What an argument must be. All but [`Null`](Test::Null) look at its low 32 bits, as the calls they are used for do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Argument, value.
    Is(u8, u32),
    /// Argument, value that it must not have.
    Not(u8, u32),
    /// Argument, its possible values.
    OneOf(u8, &'static [u32]),
    /// Argument, bits of which none may be set.
    NoBits(u8, u32),
    /// The argument, all 64 bits of it, is 0.
    Null(u8),
}

/// The answer, which may look at arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The same whatever the arguments are.
    Plain(Verdict),
    /// Allowed in each of these ways, for which all its tests must hold; else `otherwise`.
    When { ways: &'static [&'static [Test]], otherwise: Verdict },
}

/// A filter: rules by number, and the answer to every other number.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Sorted by number, each number once.
    pub rules: Vec<(u32, Rule)>,
    /// For every number without a rule.
    pub otherwise: Verdict,
}

impl Filter {
    /// Answers these calls with "not permitted".
    pub fn refuse(&mut self, calls: &[libc::c_long]) {
        for (number, rule) in &mut self.rules {
            if calls.contains(&libc::c_long::from(*number)) {
                *rule = Rule::Plain(Verdict::Errno(libc::EPERM as u16));
            }
        }
    }
}

/// The descriptor that a program is executed from; closed by the execution itself.
pub const PROGRAM_FD: i32 = 200;

/// The filter of `profile`.
pub fn of(profile: Profile) -> Filter {
    match profile {
        Profile::Javascript => lists::javascript(),
        Profile::Empty | Profile::HostUsr | Profile::Tree => lists::any_program(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(profile: Profile, number: i64, arguments: [u64; 6]) -> Verdict {
        judge(&compile(&of(profile)), compile::ARCHITECTURE, number as u32, arguments)
    }

    #[test]
    fn the_compiled_tree_answers_like_the_list_for_every_number() {
        for profile in [Profile::Javascript, Profile::HostUsr] {
            let filter = of(profile);
            let compiled = compile(&filter);
            assert!(compiled.len() < 1000, "{}", compiled.len());
            for number in 0..700u32 {
                let listed = match filter.rules.iter().find(|(n, _)| *n == number) {
                    Some((_, Rule::Plain(verdict))) => *verdict,
                    Some(_) => continue,
                    None => filter.otherwise,
                };
                assert_eq!(judge(&compiled, compile::ARCHITECTURE, number, [0; 6]), listed, "{profile:?} {number}");
            }
        }
    }

    #[test]
    fn javascript_can_do_about_forty_things_and_dies_of_the_rest() {
        let allowed = (0..700).filter(|n| verdict(Profile::Javascript, *n, [0; 6]) == Verdict::Allow).count();
        assert!((20..=45).contains(&allowed), "{allowed}");
        for number in [libc::SYS_socket, libc::SYS_unlinkat, libc::SYS_clone, libc::SYS_execve, libc::SYS_ptrace] {
            assert_eq!(verdict(Profile::Javascript, number, [0; 6]), Verdict::Kill);
        }
    }

    #[test]
    fn no_program_makes_namespaces() {
        for flag in
            [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWPID, libc::CLONE_NEWNET, libc::CLONE_NEWTIME]
        {
            let flags = flag as u32 as u64 | 17;
            assert_eq!(verdict(Profile::HostUsr, libc::SYS_clone, [flags, 0, 0, 0, 0, 0]), Verdict::Errno(1));
            assert_eq!(verdict(Profile::HostUsr, libc::SYS_unshare, [flags, 0, 0, 0, 0, 0]), Verdict::Errno(1));
        }
        assert_eq!(verdict(Profile::HostUsr, libc::SYS_clone, [17, 0, 0, 0, 0, 0]), Verdict::Allow);
        assert_eq!(verdict(Profile::HostUsr, libc::SYS_clone3, [0; 6]), Verdict::Errno(libc::ENOSYS as u16));
    }

    #[test]
    fn another_architecture_dies() {
        for profile in [Profile::Javascript, Profile::HostUsr] {
            let compiled = compile(&of(profile));
            assert_eq!(judge(&compiled, 0x4000_0003, 1, [0; 6]), Verdict::Kill, "i386");
            assert_eq!(judge(&compiled, compile::ARCHITECTURE, 0x4000_0000, [0; 6]), Verdict::Kill, "x32 read");
            assert_eq!(judge(&compiled, compile::ARCHITECTURE, u32::MAX, [0; 6]), Verdict::Kill);
        }
    }

    #[test]
    fn only_a_socket_pair_of_the_own_machine_and_harmless_terminal_questions() {
        assert_eq!(verdict(Profile::HostUsr, libc::SYS_socketpair, [1, 1, 0, 0, 0, 0]), Verdict::Allow);
        assert_eq!(verdict(Profile::HostUsr, libc::SYS_socketpair, [2, 1, 0, 0, 0, 0]), Verdict::Errno(1));
        assert_eq!(verdict(Profile::HostUsr, libc::SYS_ioctl, [0, libc::TIOCSTI, 0, 0, 0, 0]), Verdict::Errno(1));
        assert_eq!(
            verdict(Profile::HostUsr, libc::SYS_ioctl, [0, libc::TIOCSTI | (1 << 40), 0, 0, 0, 0]),
            Verdict::Errno(1)
        );
    }

    /// Each argument that opens something is refused, and its harmless neighbour is not.
    #[test]
    fn arguments_are_looked_at() {
        use Profile::{HostUsr, Javascript};
        use libc::*;
        let (yes, no) = (Verdict::Allow, Verdict::Errno(1));
        let core = RLIMIT_CORE as u64;
        let huge = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB) as u64;
        let cases: &[(Profile, i64, [u64; 6], Verdict)] = &[
            (HostUsr, SYS_socketpair, [1, (SOCK_STREAM | SOCK_CLOEXEC) as u64, 0, 0, 0, 0], yes),
            (HostUsr, SYS_socketpair, [1, SOCK_SEQPACKET as u64, 0, 0, 0, 0], yes),
            (HostUsr, SYS_socketpair, [1, (SOCK_DGRAM | SOCK_CLOEXEC) as u64, 0, 0, 0, 0], no),
            (HostUsr, SYS_socketpair, [1, SOCK_RAW as u64, 0, 0, 0, 0], no),
            (HostUsr, SYS_socketpair, [40, SOCK_STREAM as u64, 0, 0, 0, 0], no),
            (HostUsr, SYS_setsockopt, [0, 1, SO_ATTACH_FILTER as u64, 0, 0, 0], no),
            (HostUsr, SYS_sendto, [0, 0, 1, MSG_DONTWAIT as u64, 0, 0], yes),
            (HostUsr, SYS_sendto, [0, 0, 1, MSG_OOB as u64, 0, 0], no),
            (HostUsr, SYS_recvmsg, [0, 0, (MSG_OOB | MSG_PEEK) as u64, 0, 0, 0], no),
            (HostUsr, SYS_fcntl, [0, F_DUPFD_CLOEXEC as u64, 0, 0, 0, 0], yes),
            (HostUsr, SYS_fcntl, [0, F_NOTIFY as u64, 0, 0, 0, 0], no),
            (HostUsr, SYS_fcntl, [0, F_SETLEASE as u64, 0, 0, 0, 0], no),
            (HostUsr, SYS_fcntl, [0, F_SETLK as u64, 0, 0, 0, 0], no),
            (HostUsr, SYS_flock, [0; 6], no),
            (HostUsr, SYS_mmap, [0, 4096, 3, (MAP_PRIVATE | MAP_ANONYMOUS) as u64, 0, 0], yes),
            (HostUsr, SYS_mmap, [0, 4096, 3, huge, 0, 0], no),
            (Javascript, SYS_mmap, [0, 4096, 3, huge, 0, 0], Verdict::Kill),
            (Javascript, SYS_mmap, [0, 4096, 3, 0x22, 0, 0], yes),
            (Javascript, SYS_mmap, [0, 4096, PROT_EXEC as u64, 0x22, 0, 0], Verdict::Kill),
            (HostUsr, SYS_setrlimit, [RLIMIT_NOFILE as u64, 1, 0, 0, 0, 0], yes),
            (HostUsr, SYS_setrlimit, [core, 1, 0, 0, 0, 0], no),
            (HostUsr, SYS_prlimit64, [0, RLIMIT_NOFILE as u64, 1, 0, 0, 0], yes),
            (HostUsr, SYS_prlimit64, [0, core, 0, 1, 0, 0], yes),
            (HostUsr, SYS_prlimit64, [0, core, 1, 0, 0, 0], no),
            (HostUsr, SYS_prlimit64, [0, core, 1 << 32, 0, 0, 0], no),
            (Javascript, SYS_prlimit64, [0, 3, 0, 1, 0, 0], yes),
            (Javascript, SYS_prlimit64, [0, 3, 1 << 32, 0, 0, 0], no),
            (Javascript, SYS_prlimit64, [7, 3, 0, 1, 0, 0], no),
        ];
        for (profile, number, arguments, expected) in cases {
            assert_eq!(verdict(*profile, *number, *arguments), *expected, "{number} {arguments:?}");
        }
    }
}
