//! A recorded pause between attempts that failed (R041, D7): per identity and action, growing, ending by itself.

use std::time::Duration;

use domain::Timestamp;

/// What was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CooldownAction {
    /// A password, by address typed and client together.
    SignIn,
    /// A password, by address typed, from anywhere.
    SignInAnywhere,
    /// Signing in through an organisation.
    Sso,
    /// Sending a verification mail again.
    Resend,
    /// Asking for a new password.
    Reset,
    /// Sending an invitation again.
    Invite,
    /// A code of the second factor.
    SecondFactor,
    /// Confirming a dangerous act with the password.
    StepUp,
}

impl CooldownAction {
    /// The word in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignInAnywhere => "sign_in_anywhere",
            Self::Sso => "sso",
            Self::Resend => "resend",
            Self::Reset => "reset",
            Self::Invite => "invite",
            Self::SecondFactor => "second_factor",
            Self::StepUp => "step_up",
        }
    }
    /// How many failures are free, and how the pause grows after them.
    pub const fn policy(self) -> CooldownPolicy {
        let (free, first, longest) = match self {
            Self::SignIn | Self::Sso | Self::StepUp | Self::SecondFactor => (5, 30, 15 * 60),
            // high enough that nobody is locked out by a stranger's guesses from a few addresses
            Self::SignInAnywhere => (50, 30, 5 * 60),
            // every mail begins a pause
            Self::Resend | Self::Reset => (0, 60, 60 * 60),
            // an invitation may be sent again at once, once
            Self::Invite => (1, 60, 60 * 60),
        };
        CooldownPolicy { free, first: Duration::from_secs(first), longest: Duration::from_secs(longest) }
    }
}

/// Whom and what a cooldown is about. The subject is a keyed pseudonym: what people type may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CooldownKey {
    pub action: CooldownAction,
    pub subject: [u8; 32],
}

/// How many failures are free and how the pause grows: it doubles from `first` up to `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CooldownPolicy {
    pub free: u32,
    pub first: Duration,
    pub longest: Duration,
}

/// A recorded cooldown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooldown {
    pub failures: u32,
    pub last_failure: Timestamp,
    /// Nothing is tried before this.
    pub until: Timestamp,
}

/// Failures older than this are forgotten.
const MEMORY: Duration = Duration::from_secs(24 * 3600);

impl Cooldown {
    /// What stands after a turn is asked for at `now`, and until when to wait if it is not granted. Pure, as
    /// [`Cooldown::after_failure`].
    pub fn take_turn(before: Option<Self>, policy: CooldownPolicy, now: Timestamp) -> (Self, Option<Timestamp>) {
        match before {
            Some(held) if held.holds(now, policy) => (held, Some(held.until)),
            before => (Self::after_failure(before, policy, now), None),
        }
    }
    /// What stands after one more failure at `now`. Pure, so that storage can apply it inside a transaction.
    pub fn after_failure(before: Option<Self>, policy: CooldownPolicy, now: Timestamp) -> Self {
        let before = before.filter(|c| now.since(c.last_failure) < MEMORY);
        let failures = before.map_or(0, |c| c.failures).saturating_add(1);
        let over = failures.saturating_sub(policy.free);
        let pause = match over {
            0 => Duration::ZERO,
            n => policy.first.saturating_mul(1 << (n - 1).min(16)).min(policy.longest),
        };
        Self { failures, last_failure: now, until: now + pause }
    }
    /// Whether nothing may be tried at `now`. A clock set back cannot make a pause longer than the longest.
    pub fn holds(&self, now: Timestamp, policy: CooldownPolicy) -> bool {
        now < self.until && self.until.since(now) <= policy.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: CooldownPolicy = CooldownAction::SignIn.policy();
    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }
    fn after(failures: u32) -> Cooldown {
        (0..failures).fold(None, |before, _| Some(Cooldown::after_failure(before, POLICY, at(0)))).unwrap()
    }

    /// R041: repeated failures pause, longer each time, and the pause ends by itself.
    #[test]
    fn the_pause_starts_after_the_free_failures_doubles_and_ends() {
        let pauses: Vec<u64> = (1..=12).map(|n| after(n).until.since(at(0)).as_secs()).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]);
        assert!(after(6).holds(at(29), POLICY) && !after(6).holds(at(30), POLICY));
        assert!(after(u32::from(u8::MAX)).until == at(900));
    }

    #[test]
    fn yesterdays_failures_are_forgotten() {
        assert_eq!(Cooldown::after_failure(Some(after(9)), POLICY, at(24 * 3600)).failures, 1);
    }

    /// Bad input of issue 5: a clock that jumps.
    #[test]
    fn a_clock_set_back_by_a_day_locks_nobody_out_for_a_day() {
        assert!(!after(9).holds(at(-24 * 3600), POLICY));
    }
}
