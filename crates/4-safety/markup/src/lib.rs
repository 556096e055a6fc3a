//! The API's own pass over text that somebody's browser may render: HTML and CSS without anything that runs, loads or
//! covers the page.
//!
//! [`html`] is for fragments that are meant as HTML, [`css`] for style sheets, and [`plain`] for texts that are meant as
//! plain (names, descriptions, messages) and are shown by clients we do not know. This crate never decides where a text
//! is shown, and shares no code with the passes of dashboard and widget: that three passes stand on their own is what
//! makes them three. Input larger than [`MAX_BYTES`] is refused rather than cut. Start reading in [`html`].

mod css;
mod html;
mod plain;

pub use css::{declarations, stylesheet as css};
pub use html::html;
pub use plain::plain;

/// The most that one pass takes: 1 MiB.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The text is larger than [`MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "markup of more than {MAX_BYTES} bytes is not rendered")
    }
}
impl std::error::Error for TooLarge {}
