//! A program of the host, on its way in: by its path where the root shows it, else by its bytes, alone.

use std::{
    ffi::OsStr,
    fs,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::PermissionsExt},
    },
    path::{Path, PathBuf},
};

use sandbox_launcher::sys;

use crate::{Error, Root, native::Executable};

/// A program outside the root is copied into memory before it runs.
const LARGEST_PROGRAM: u64 = 256 << 20;

/// The name of a script inside.
const SCRIPT: &str = "script";

/// A program that was found.
pub struct Found {
    /// Argument 0.
    pub name: Vec<u8>,
    /// Arguments before the caller's: an interpreter's own, and the script.
    pub before: Vec<Vec<u8>>,
    kind: Kind,
}

enum Kind {
    Inside(Vec<u8>),
    Bytes(OwnedFd),
    Script(Vec<u8>, OwnedFd),
}

impl Found {
    /// In the backend's words.
    pub fn program(&self) -> Executable<'_> {
        match &self.kind {
            Kind::Inside(path) => Executable::Inside(path.clone()),
            Kind::Bytes(file) => Executable::Open(file.as_fd()),
            Kind::Script(interpreter, file) => Executable::Script(interpreter.clone(), SCRIPT, file.as_fd()),
        }
    }
}

/// Finds the program at `path`, and takes its bytes when `root` does not show it.
pub fn locate(path: &Path, root: Root) -> Result<Found, Error> {
    let refuse = |reason: String| Error::NotExecutable { path: path.into(), reason };
    let found = path.canonicalize().map_err(|error| refuse(error.to_string()))?;
    let name = path.as_os_str().as_bytes().to_vec();
    if root == Root::HostUsr && found.starts_with("/usr") {
        return Ok(Found { name, before: Vec::new(), kind: Kind::Inside(found.as_os_str().as_bytes().to_vec()) });
    }
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
    let file = |executable| sys::sealed_file(c"program", &content, executable).map_err(Error::broken("memfd_create"));
    let Some((interpreter, argument)) = interpreter(&content) else {
        return Ok(Found { name, before: Vec::new(), kind: Kind::Bytes(file(true)?) });
    };
    let real = interpreter.canonicalize().unwrap_or_else(|_| interpreter.clone());
    if root == Root::Empty || !real.starts_with("/usr") {
        return Err(refuse(format!("its interpreter {} is not in the sandbox's root", interpreter.display())));
    }
    let mut before: Vec<Vec<u8>> = argument.into_iter().collect();
    before.push(format!("/tmp/{SCRIPT}").into_bytes());
    let kind = Kind::Script(real.as_os_str().as_bytes().to_vec(), file(false)?);
    Ok(Found { name: interpreter.as_os_str().as_bytes().to_vec(), before, kind })
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
