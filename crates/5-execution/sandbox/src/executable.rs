//! A program of the host, on its way in: by its path where the root shows it, else by its bytes, alone.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    Error, Root,
    backend::{Executable, SCRIPT},
};

/// A program outside the root is copied into memory before it runs.
const LARGEST_PROGRAM: u64 = 256 << 20;

/// A program that was found.
pub struct Found {
    /// Argument 0.
    pub name: Vec<u8>,
    /// Arguments before the caller's: an interpreter's own, and the script.
    pub before: Vec<Vec<u8>>,
    pub program: Executable,
}

/// Finds the program at `path`, and takes its bytes when `root` does not show it.
pub fn locate(path: &Path, root: &Root) -> Result<Found, Error> {
    let refuse = |reason: String| Error::NotExecutable { path: path.into(), reason };
    let name = path.as_os_str().as_bytes().to_vec();
    let shown = |at: &Path| match root {
        Root::Empty => None,
        Root::HostUsr => at.canonicalize().ok().filter(|found| found.starts_with("/usr")),
        Root::Tree(tree) => inside(tree, at),
    };
    if let Some(found) = shown(path) {
        return Ok(Found {
            name,
            before: Vec::new(),
            program: Executable::Inside(found.as_os_str().as_bytes().into()),
        });
    }
    let found = path.canonicalize().map_err(|error| refuse(error.to_string()))?;
    let about = fs::metadata(&found).map_err(|error| refuse(error.to_string()))?;
    if !about.is_file() {
        return Err(refuse("it is not a file".into()));
    }
    if about.permissions().mode() & 0o111 == 0 {
        return Err(refuse("it is not executable".into()));
    }
    if about.len() > LARGEST_PROGRAM {
        return Err(refuse(format!("it is larger than {LARGEST_PROGRAM} bytes")));
    }
    let content = fs::read(&found).map_err(|error| refuse(error.to_string()))?;
    let Some((interpreter, argument)) = interpreter(&content) else {
        return Ok(Found { name, before: Vec::new(), program: Executable::Bytes(content) });
    };
    let Some(real) = shown(&interpreter) else {
        return Err(refuse(format!("its interpreter {} is not in the sandbox's root", interpreter.display())));
    };
    let mut before: Vec<Vec<u8>> = argument.into_iter().collect();
    before.push(format!("/tmp/{SCRIPT}").into_bytes());
    let program = Executable::Script(real.as_os_str().as_bytes().to_vec(), content);
    Ok(Found { name: interpreter.as_os_str().as_bytes().to_vec(), before, program })
}

/// Where `path`, as a guest would name it, lies inside `tree`, with its links followed there and not on the host.
pub fn inside(tree: &Path, path: &Path) -> Option<PathBuf> {
    let mut left: Vec<_> = path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
    let mut at = PathBuf::from("/");
    for _ in 0..200 {
        let Some(part) = left.pop() else { return tree.join(at.strip_prefix("/").ok()?).is_file().then_some(at) };
        match part.as_bytes() {
            b"/" => at = PathBuf::from("/"),
            b"." => {}
            b".." => drop(at.pop()),
            _ => {
                let here = at.join(&part);
                match fs::read_link(tree.join(here.strip_prefix("/").ok()?)) {
                    Ok(link) => left.extend(link.components().rev().map(|part| part.as_os_str().to_owned())),
                    Err(_) => at = here,
                }
            }
        }
    }
    None
}

/// What the first line of a script names, as the kernel reads it: a path and at most one argument.
fn interpreter(content: &[u8]) -> Option<(PathBuf, Option<Vec<u8>>)> {
    let line = content.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let end = line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(line.len());
    let (path, rest) = line.split_at(end);
    let argument = Some(rest.trim_ascii().to_vec()).filter(|argument| !argument.is_empty());
    Some((PathBuf::from(OsStr::from_bytes(path)), argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_script_is_read_as_the_kernel_does() {
        let read = |line: &[u8]| interpreter(line).map(|(path, argument)| (path.display().to_string(), argument));
        assert_eq!(read(b"#!/bin/sh\nx"), Some(("/bin/sh".into(), None)));
        assert_eq!(read(b"#! /usr/bin/env  python3 -S\n"), Some(("/usr/bin/env".into(), Some(b"python3 -S".to_vec()))));
        assert_eq!(read(b"\x7fELF"), None);
    }
}
