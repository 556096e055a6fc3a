//! Which system calls a guest may make: plain data ([`lists`]) and a compiler to a short decision tree for the kernel.
//!
//! Written here instead of taken from a crate because one filter needs several answers (allow, an error, kill) and
//! because the kernel evaluates it once for every system call number when it is loaded: a tree of depth eight costs a
//! tenth of a list of comparisons. [`judge`] runs a compiled filter, so that tests can ask it about every number.

mod compile;
mod lists;
mod outer;

pub use compile::{Instruction, compile, judge};
pub use lists::NAMESPACES;
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

/// The answer, which may look at arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The same whatever the arguments are.
    Plain(Verdict),
    /// `then` when (low 32 bits of argument `index` & `mask`) is 0, else `otherwise`.
    NoBits { index: u8, mask: u32, then: Verdict, otherwise: Verdict },
    /// Allowed when the low 32 bits of argument `index` are one of `values`, else `otherwise`.
    OneOf { index: u8, values: &'static [u32], otherwise: Verdict },
    /// Allowed when both arguments have these low 32 bits, else `otherwise`.
    Both { first: (u8, u32), second: (u8, u32), otherwise: Verdict },
}

/// A filter: rules by number, and the answer to every other number.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Sorted by number, each number once.
    pub rules: Vec<(u32, Rule)>,
    /// For every number without a rule.
    pub otherwise: Verdict,
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
}
