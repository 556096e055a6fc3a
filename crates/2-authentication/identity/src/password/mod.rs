//! Passwords: bcrypt at a cost that can be raised (R038), never truncated (D12), never many at once.

mod breached;
mod common;
mod threads;

use std::{fmt, sync::Arc};

use domain::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::threads::Threads;
use crate::{Email, Error, error::PasswordFault, token::random_text};

/// Shortest password, in characters.
pub const MIN_CHARACTERS: usize = 12;
/// Longest password, in bytes: bcrypt does not look further.
pub const MAX_BYTES: usize = 72;
/// How many may wait for a turn before the rest are told to come back.
const QUEUE: usize = 32;

/// A bcrypt hash, as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From storage.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }
    /// For storage.
    pub fn as_stored(&self) -> &str {
        &self.0
    }
    /// The cost it was made with; `None` when it is no bcrypt hash.
    fn cost(&self) -> Option<u32> {
        self.0.split('$').nth(2)?.parse().ok()
    }
}
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What a comparison said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    pub matches: bool,
    /// It matched, and was hashed at another cost than is configured now: hash it anew.
    pub outdated: bool,
}

/// Hashes and compares, at most on half of the cores at a time, on threads of the lowest priority.
#[derive(Debug, Clone)]
pub struct Passwords {
    cost: u32,
    /// A hash of a random text at the lowest cost, made at the start because that one is cheap.
    nobody: Arc<str>,
    threads: Threads,
    places: Arc<Semaphore>,
    attempts: Arc<Semaphore>,
}

impl Passwords {
    /// `cost` doubles the work per step; 12 is about 0.3 s of a core.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a cost below 10 or above 16.
    pub fn new(cost: u32) -> Result<Self, Error> {
        if !(10..=16).contains(&cost) {
            return Err(Error::Configuration("the bcrypt cost must be from 10 to 16"));
        }
        Ok(Self::unchecked(cost))
    }

    /// As cheap as bcrypt gets, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn cheap() -> Self {
        Self::unchecked(4)
    }

    fn unchecked(cost: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = (cores / 2).max(1);
        // cannot fail for 32 letters at a cost that exists; were it ever empty, comparisons would say no, only sooner
        let nobody = bcrypt::hash(random_text(32).expose(), 4).unwrap_or_default().into();
        let places = || Arc::new(Semaphore::new(turns + QUEUE));
        Self { cost, nobody, threads: Threads::start(turns), places: places(), attempts: places() }
    }

    /// Hashes a password that [`acceptable`] has accepted.
    ///
    /// bcrypt's own refusal to truncate counts a closing NUL and would refuse 72 bytes too, which it does read whole; so
    /// the length is checked here, and nothing longer than [`MAX_BYTES`] ever reaches it.
    ///
    /// # Errors
    /// [`Error::Busy`], and [`Error::Password`] for what bcrypt cannot take whole.
    pub async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, Error> {
        takeable(password.expose())?;
        let cost = self.cost;
        let hash = self.in_turn(move || bcrypt::hash(password.expose().as_bytes(), cost)).await?;
        hash.map(PasswordHash).map_err(|_| PasswordFault::TooLong.into())
    }

    /// Compares. Without a hash (an unknown user) it works as long and says no. A password that no account can have is
    /// compared in its shortened form and says no.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub async fn compare(&self, password: Secret<String>, hash: Option<&PasswordHash>) -> Result<Compared, Error> {
        let possible = takeable(password.expose()).is_ok();
        let password = if possible { password } else { Secret::new("-".to_owned()) };
        let stored = hash.filter(|hash| hash.cost().is_some()).cloned().unwrap_or_else(|| self.nobody());
        let (real, outdated) = (hash.is_some() && possible, stored.cost() != Some(self.cost));
        let same = self.in_turn(move || bcrypt::verify(password.expose().as_bytes(), &stored.0)).await?;
        let matches = real && same.unwrap_or(false);
        Ok(Compared { matches, outdated: matches && outdated })
    }

    /// A turn for one attempt to sign in, taken before anything is written down about it: there are as many as places.
    ///
    /// # Errors
    /// [`Error::Busy`] when that many are under way.
    pub fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.attempts.clone().try_acquire_owned().map_err(|_| Error::Busy)
    }

    /// A hash of the configured cost that belongs to nobody: comparing with it costs what a real one costs.
    fn nobody(&self) -> PasswordHash {
        PasswordHash(self.nobody.replacen("$04$", &format!("${:02}$", self.cost), 1))
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let (tell, told) = oneshot::channel();
        self.threads.hand(Box::new(move || {
            // held until the work is done, even when whoever asked has gone away
            let done = work();
            drop(place);
            _ = tell.send(done);
        }));
        told.await.map_err(|_| Error::Busy)
    }
}

fn takeable(password: &str) -> Result<(), PasswordFault> {
    if password.len() > MAX_BYTES {
        return Err(PasswordFault::TooLong);
    }
    if password.contains('\0') {
        return Err(PasswordFault::Nul);
    }
    Ok(())
}

/// Whether `password` may become the password of `email`'s account.
///
/// # Errors
/// The first [`PasswordFault`] found.
pub fn acceptable(password: &str, email: &Email) -> Result<(), PasswordFault> {
    takeable(password)?;
    if password.chars().count() < MIN_CHARACTERS {
        return Err(PasswordFault::TooShort);
    }
    if common::is_common(password, email.local_part()) || breached::is_breached(password) {
        return Err(PasswordFault::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }
    fn fault(password: &str) -> Option<&'static str> {
        acceptable(password, &"marguerite@example.com".parse().unwrap()).err().map(PasswordFault::code)
    }

    /// D12: what bcrypt would cut off or stop at is refused (identity notes: password > 72 bytes, NUL).
    #[tokio::test]
    async fn what_bcrypt_would_not_read_whole_is_refused() {
        assert_eq!(fault(&"é ü".repeat(15)), Some("password_too_long"));
        assert_eq!(fault("stone lantern\0river"), Some("password_nul"));
        let passwords = Passwords::cheap();
        for bad in ["x".repeat(73), "stone\0".into()] {
            assert!(matches!(passwords.hash(secret(&bad)).await, Err(Error::Password(_))));
        }
        let whole = "ab".repeat(36);
        let hash = passwords.hash(secret(&whole)).await.unwrap();
        assert!(passwords.compare(secret(&whole), Some(&hash)).await.unwrap().matches);
        for other in [format!("{whole}c"), whole[..71].to_owned(), format!("{}c", &whole[..71])] {
            assert!(!passwords.compare(secret(&other), Some(&hash)).await.unwrap().matches, "{other}");
        }
    }

    /// R038: bcrypt, and a raised cost is noticed at the next comparison.
    #[tokio::test]
    async fn a_raised_cost_asks_for_a_new_hash() {
        let hash = Passwords::cheap().hash(secret("stone lantern river")).await.unwrap();
        assert!(hash.as_stored().starts_with("$2b$04$"));
        let compare = |passwords: Passwords, text: &'static str| {
            let hash = hash.clone();
            async move { passwords.compare(secret(text), Some(&hash)).await.unwrap() }
        };
        assert_eq!(
            compare(Passwords::cheap(), "stone lantern river").await,
            Compared { matches: true, outdated: false }
        );
        assert_eq!(
            compare(Passwords::unchecked(5), "stone lantern river").await,
            Compared { matches: true, outdated: true }
        );
        assert_eq!(
            compare(Passwords::unchecked(5), "stone lantern rivet").await,
            Compared { matches: false, outdated: false }
        );
    }

    /// Identity notes: an unknown user costs the same bcrypt work as a wrong password.
    #[tokio::test]
    async fn an_unknown_user_costs_the_same_work() {
        let passwords = Passwords::unchecked(9);
        let hash = passwords.hash(secret("stone lantern river")).await.unwrap();
        assert!(bcrypt::verify("x", &passwords.nobody().0).is_ok(), "the stand-in is a hash that bcrypt works on");
        let mut times = [std::time::Duration::MAX; 2];
        for _ in 0..5 {
            for (slot, stored) in [(0, Some(&hash)), (1, None)] {
                let start = std::time::Instant::now();
                assert!(!passwords.compare(secret("wrong"), stored).await.unwrap().matches);
                times[slot] = times[slot].min(start.elapsed());
            }
        }
        let ratio = times[0].as_secs_f64() / times[1].as_secs_f64();
        assert!((0.5..2.0).contains(&ratio), "{times:?}");
    }

    #[tokio::test]
    async fn past_the_queue_the_rest_are_told_to_come_back() {
        let passwords = Passwords::unchecked(8);
        let places = passwords.places.available_permits();
        let tasks: Vec<_> = (0..places + 100).map(|_| Box::pin(passwords.compare(secret("x"), None))).collect();
        let results = futures_join(tasks).await;
        let busy = results.iter().filter(|result| matches!(result, Err(Error::Busy))).count();
        assert!((1..=100).contains(&busy), "{busy}");
    }

    /// Issue 5, figures: at most half of the cores, and at low priority: what a thread of ours says of itself.
    #[tokio::test]
    async fn passwords_are_hashed_by_few_threads_of_low_priority() {
        let passwords = Passwords::cheap();
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // the name stands in brackets and may hold anything; priority and nice are the 18th and 19th field
            let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
            (name.to_owned(), rest.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap())
        };
        let seen = passwords.in_turn(nice).await.unwrap();
        assert_eq!(seen, (threads::NAME.to_owned(), threads::NICE));
        assert!(nice().1 < threads::NICE, "only those threads, not the server");
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(passwords.places.available_permits(), (cores / 2).max(1) + QUEUE);
    }

    /// A job that goes wrong costs its own answer and no thread.
    #[tokio::test]
    async fn a_thread_outlives_a_job_that_panics() {
        let passwords = Passwords::cheap();
        for _ in 0..64 {
            let broken: Result<(), _> = passwords.in_turn(|| panic!("as the test wants")).await;
            assert!(matches!(broken, Err(Error::Busy)));
        }
        assert_eq!(passwords.in_turn(|| 7).await.unwrap(), 7);
    }

    async fn futures_join<T>(mut tasks: Vec<std::pin::Pin<Box<impl Future<Output = T>>>>) -> Vec<T> {
        let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
        std::future::poll_fn(|cx| {
            for (task, result) in tasks.iter_mut().zip(&mut results) {
                if result.is_none()
                    && let std::task::Poll::Ready(value) = task.as_mut().poll(cx)
                {
                    *result = Some(value);
                }
            }
            if results.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        results.into_iter().flatten().collect()
    }

    #[test]
    fn a_cost_that_is_too_low_or_endless_stops_the_start() {
        assert!(Passwords::new(9).is_err() && Passwords::new(17).is_err() && Passwords::new(12).is_ok());
    }

    #[test]
    fn short_common_and_regular_passwords_are_refused() {
        for (password, code) in [
            ("k7#Qz!m2", "password_too_short"),
            ("Password1234", "password_common"),
            ("P@ssw0rd2026!!", "password_common"),
            ("qwertyuiop123", "password_common"),
            ("123456789012", "password_common"),
            ("aaaaaaaaaaaaaa", "password_common"),
            ("abcabcabcabcabc", "password_common"),
            ("letmeinadmin1", "password_common"),
            ("nodeloomadmin", "password_common"),
            ("Marguerite2026!", "password_common"),
            ("abcdefghijklmnop", "password_common"),
            ("987654321987654321", "password_common"),
            ("Summer2026Summer2026", "password_common"),
            ("ChickenWing101", "password_common"),
        ] {
            assert_eq!(fault(password), Some(code), "{password}");
        }
        for good in ["stone lantern river", "k7#Qz!m2vWp9", "correct horse battery staple", "ünïcödé straße!"] {
            assert_eq!(fault(good), None, "{good}");
        }
    }
}
