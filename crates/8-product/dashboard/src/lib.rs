//! The dashboard's built files, inside the binary.
//!
//! `make web` builds `web/` into `web/dist`; the build script makes a table of what is there. This crate never knows
//! who asks and never reads the disk: a file that was not built in does not exist. Start reading at [`file`].

mod files {
    use super::File;
    include!(concat!(env!("OUT_DIR"), "/files.rs"));
}

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Relative to the root, such as `assets/index-B7x.js`.
    pub path: &'static str,
    pub bytes: &'static [u8],
    /// The same, compressed.
    pub brotli: Option<&'static [u8]>,
}

impl File {
    /// The media type, by the name's end.
    pub fn media_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "json" => "application/json",
            "woff2" => "font/woff2",
            "png" => "image/png",
            _ => "application/octet-stream",
        }
    }

    /// Whether the name holds a hash of the content, so that it never changes.
    pub fn is_immutable(&self) -> bool {
        let stem = self.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(stem, _)| stem);
        stem.rsplit_once('-').is_some_and(|(_, hash)| hash.len() >= 8) && self.path.starts_with("assets/")
    }
}

/// The file at `path`.
pub fn file(path: &str) -> Option<&'static File> {
    files::FILES.iter().find(|file| file.path == path)
}

/// The page that loads everything else; absent when the dashboard was not built in.
pub fn index() -> Option<&'static File> {
    file("index.html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &'static str) -> File {
        File { path, bytes: b"", brotli: None }
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        assert!(named("assets/index-CtlgPlF3.css").is_immutable());
        assert!(!named("assets/icon.svg").is_immutable());
        assert!(!named("index.html").is_immutable());
        assert_eq!(named("assets/a.js").media_type(), "text/javascript; charset=utf-8");
    }

    /// R025: the page needs nothing inline and nothing from elsewhere, so the strict policy holds.
    #[test]
    fn the_page_has_nothing_inline() {
        let Some(index) = index() else { return };
        let text = std::str::from_utf8(index.bytes).unwrap_or_default();
        assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onload="), "{text}");
        for script in text.split("<script").skip(1) {
            assert!(script.split('>').next().is_some_and(|head| head.contains("src=\"/assets/")), "{script}");
        }
        assert!(!text.contains("http"), "{text}");
    }
}
