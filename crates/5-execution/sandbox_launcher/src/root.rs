//! The files a guest sees, built once per launcher; every guest gets its own copy of this mount table.

use std::{
    ffi::{CStr, CString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
};

use libc::{MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT};

use crate::{sys, wire::Profile};

/// Where the new root is built; it covers the host's directory in our own mount table only.
const PLACE: &str = "/tmp";
const PLACE_C: &CStr = c"/tmp";

/// Builds the root of `profile` and moves into it; the host's files are out of reach afterwards.
pub fn enter(profile: Profile, tree: Option<&str>) -> io::Result<()> {
    sys::mount(c"none", c"/", c"", MS_REC | MS_PRIVATE, c"")?;
    let inside = if profile.has_files() { 0 } else { MS_NOEXEC };
    let flags = MS_NOSUID | MS_NODEV | inside;
    let read = (profile == Profile::HostUsr).then(|| fs::read("/etc/ld.so.cache").ok()).flatten();
    // a tree may lie where the new root will cover it
    let tree = tree.map(|path| fs::File::open(path).map(std::os::fd::OwnedFd::from)).transpose()?;
    sys::mount(c"sandbox", PLACE_C, c"tmpfs", flags, c"size=4m,nr_inodes=4096,mode=755")?;
    match (profile, tree) {
        (Profile::HostUsr, _) => host_usr(read.as_deref())?,
        (Profile::Tree, Some(tree)) => own_tree(&tree)?,
        (Profile::Tree, None) => return Err(io::ErrorKind::NotFound.into()),
        _ => {}
    }
    if profile != Profile::Javascript {
        fs::create_dir(Path::new(PLACE).join("tmp"))?;
    }
    sys::mount(c"sandbox", PLACE_C, c"", MS_REMOUNT | MS_RDONLY | flags, c"size=4m,nr_inodes=4096,mode=755")?;
    std::env::set_current_dir(PLACE)?;
    sys::pivot_here()?;
    std::env::set_current_dir("/")
}

fn host_usr(library_cache: Option<&[u8]>) -> io::Result<()> {
    let place = Path::new(PLACE);
    bind_tree(Path::new("/usr"), &place.join("usr"))?;
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let host = Path::new("/").join(name);
        match fs::symlink_metadata(&host) {
            Ok(found) if found.is_symlink() => symlink(fs::read_link(&host)?, place.join(name))?,
            Ok(found) if found.is_dir() => bind_tree(&host, &place.join(name))?,
            _ => {}
        }
    }
    let etc = place.join("etc");
    fs::create_dir(&etc)?;
    if let Some(cache) = library_cache {
        fs::write(etc.join("ld.so.cache"), cache)?;
    }
    if let Ok(entries) = fs::read_dir("/etc/alternatives") {
        fs::create_dir(etc.join("alternatives"))?;
        for entry in entries.flatten() {
            if let Ok(target) = fs::read_link(entry.path()) {
                symlink(target, etc.join("alternatives").join(entry.file_name()))?;
            }
        }
    }
    devices()
}

/// Shows a tree that was made for it: its directories, its files and its links at the top.
fn own_tree(tree: &std::os::fd::OwnedFd) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let place = Path::new(PLACE);
    let base = Path::new("/proc/self/fd").join(tree.as_raw_fd().to_string());
    for entry in fs::read_dir(&base)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if ["dev", "proc", "sys", "tmp"].iter().any(|own| name == *own) {
            continue;
        }
        let (from, to) = (base.join(&name), place.join(&name));
        if kind.is_symlink() {
            symlink(fs::read_link(&from)?, to)?;
        } else if kind.is_dir() {
            bind_tree(&from, &to)?;
        }
    }
    devices()
}

fn devices() -> io::Result<()> {
    let place = Path::new(PLACE);
    fs::create_dir(place.join("dev"))?;
    for name in ["null", "zero", "full", "random", "urandom"] {
        let (from, to) = (Path::new("/dev").join(name), place.join("dev").join(name));
        fs::write(&to, b"")?;
        let target = c_path(&to)?;
        sys::mount(&c_path(&from)?, &target, c"", MS_BIND, c"")?;
        // written to they can be all the same, but their times and modes, which all guests see, stay as they are
        sys::harden_tree(&target, true).or_else(|_| {
            sys::mount(c"", &target, c"", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC, c"")
        })?;
    }
    Ok(())
}

/// Shows a directory of the host, read-only through and through.
fn bind_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    let target = c_path(to)?;
    sys::mount(&c_path(from)?, &target, c"", MS_BIND | MS_REC, c"")?;
    // kernels before 5.12 have no recursive form; there the top mount alone is hardened, and the rest by Landlock
    sys::harden_tree(&target, false)
        .or_else(|_| sys::mount(c"", &target, c"", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, c""))
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}
