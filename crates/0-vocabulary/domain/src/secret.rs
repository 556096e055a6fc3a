//! A value that must not be shown: no `Display`, no `Serialize`, a `Debug` that hides it, wiped when dropped.

use std::fmt;

use zeroize::Zeroize;

/// A secret. [`Secret::expose`] is the one way to read it, so that `rg expose` lists every place that does.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Hides `value` from here on.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    /// The value itself. Never log it, never store it unsealed.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}
impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R093: a secret that reaches a log by accident shows nothing.
    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(..)");
    }
}
