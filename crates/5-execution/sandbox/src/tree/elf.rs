//! Which libraries a program needs: as much of its file format as that takes.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// What a program or library names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub loader: Option<PathBuf>,
    pub libraries: Vec<String>,
    /// Where it wants its libraries looked for first.
    pub places: Vec<String>,
}

/// Reads a 64-bit little-endian file; `None` for everything else. Offsets are checked: the file may be anything.
pub fn needs(file: &[u8]) -> Option<Needs> {
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (start, size, count) = (number(file, 32, 8)?, number(file, 54, 2)?, number(file, 56, 2)?);
    let segments: Vec<Segment> =
        (0..count).filter_map(|n| Segment::read(file, start.checked_add(n.checked_mul(size)?)?)).collect();
    let mut needs = Needs::default();
    for segment in &segments {
        if segment.kind == 3 {
            let path = file.get(segment.offset..segment.offset.checked_add(segment.length)?)?;
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            needs.loader = Some(PathBuf::from(std::ffi::OsStr::from_bytes(&path[..end])));
        }
    }
    let Some(dynamic) = segments.iter().find(|segment| segment.kind == 2) else { return Some(needs) };
    let entries = file.get(dynamic.offset..dynamic.offset.checked_add(dynamic.length)?)?;
    let entries: Vec<(usize, usize)> =
        entries.as_chunks::<16>().0.iter().filter_map(|e| Some((number(e, 0, 8)?, number(e, 8, 8)?))).collect();
    let address = entries.iter().find(|(tag, _)| *tag == 5)?.1;
    let strings = segments.iter().find_map(|segment| {
        let within = address.checked_sub(segment.address)?;
        (segment.kind == 1 && within < segment.length).then_some(segment.offset.checked_add(within)?)
    })?;
    let text = |at: usize| -> Option<String> {
        let from = file.get(strings.checked_add(at)?..)?;
        let end = from.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&from[..end]).into_owned())
    };
    for (tag, value) in entries.iter().take_while(|(tag, _)| *tag != 0) {
        match tag {
            1 => needs.libraries.extend(text(*value)),
            15 | 29 => needs.places.extend(text(*value)?.split(':').map(str::to_owned)),
            _ => {}
        }
    }
    Some(needs)
}

struct Segment {
    kind: usize,
    offset: usize,
    address: usize,
    length: usize,
}

impl Segment {
    fn read(file: &[u8], at: usize) -> Option<Self> {
        let field = |offset: usize, size| number(file, at.checked_add(offset)?, size);
        Some(Self { kind: field(0, 4)?, offset: field(8, 8)?, address: field(16, 8)?, length: field(32, 8)? })
    }
}

fn number(from: &[u8], at: usize, size: usize) -> Option<usize> {
    let bytes = from.get(at..at.checked_add(size)?)?;
    let mut whole = [0; 8];
    whole[..size].copy_from_slice(bytes);
    usize::try_from(u64::from_le_bytes(whole)).ok()
}

/// `$ORIGIN` stands for where the file lies.
pub fn own_place(place: &str, by: &Path) -> PathBuf {
    let origin = by.parent().unwrap_or(Path::new("/")).to_string_lossy();
    PathBuf::from(place.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin))
}

/// Where the loader looks: what its settings name, then its own places.
pub fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut files = vec![PathBuf::from("/etc/ld.so.conf")];
    let mut more: Vec<PathBuf> =
        fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    more.sort();
    files.extend(more);
    for file in files {
        let text = fs::read_to_string(file).unwrap_or_default();
        places.extend(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(PathBuf::from));
    }
    let machine = std::env::consts::ARCH;
    for place in ["/lib", "/usr/lib"] {
        places.push(format!("{place}/{machine}-linux-gnu").into());
    }
    places.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_loader_and_libraries_and_nonsense_names_nothing() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = needs(&own).unwrap();
        assert!(needs.loader.unwrap().to_string_lossy().contains("ld"));
        assert!(needs.libraries.iter().any(|name| name.starts_with("libc.so")), "{:?}", needs.libraries);
    }

    #[test]
    fn broken_files_are_not_followed() {
        assert_eq!(needs(b"#!/bin/sh"), None);
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        for cut in (0..4096).step_by(7) {
            let _ = needs(&own[..cut]);
        }
        let mut wild = own[..4096].to_vec();
        for at in (32..4000).step_by(3) {
            wild[at] = 0xff;
            let _ = needs(&wild);
        }
    }
}
