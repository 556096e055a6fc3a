//! What a container engine is told about system calls, and the few files of ours in every container.

use std::path::PathBuf;

use sandbox_launcher::filter;
use serde_json::{Value, json};

/// Our own files inside, see [`sandbox_launcher::keeper::DIRECTORY`].
pub const KEEPER: &str = "keeper";
pub const RUNNER: &str = "javascript";

/// The filter in the words of Docker and of the OCI runtime specification. `nested` allows the keeper to make a user
/// namespace for its guest; the guest's own filter never does.
pub fn seccomp(nested: bool) -> Value {
    let mut names = filter::outer();
    if nested {
        names.push("unshare");
    }
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "SCMP_ARCH_AARCH64",
        _ => "SCMP_ARCH_X86_64",
    };
    let no_namespace = json!({ "index": 0, "value": filter::NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" });
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": [architecture],
        "syscalls": [
            { "names": names, "action": "SCMP_ACT_ALLOW" },
            { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [no_namespace] },
            { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 },
        ],
    })
}

/// One thing in the root of a container.
pub enum Item {
    Directory(&'static str),
    File(&'static str, Vec<u8>),
    Link(String, PathBuf),
}

/// The directories of the host that [`skeleton`] has places for when the host's programs are shown.
pub fn host_directories() -> Vec<&'static str> {
    let plain = |name: &&&str| std::fs::symlink_metadata(format!("/{name}")).is_ok_and(|found| found.is_dir());
    ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"].iter().filter(plain).copied().collect()
}

/// The root of a container, without what is mounted into it.
pub fn skeleton(host_usr: bool) -> Vec<Item> {
    let mut items: Vec<Item> = ["dev", "proc", "sys", "tmp", "etc"].map(Item::Directory).into();
    if !host_usr {
        return items;
    }
    items.extend(host_directories().into_iter().map(Item::Directory));
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        if let Ok(target) = std::fs::read_link(format!("/{name}")) {
            items.push(Item::Link(name.into(), target));
        }
    }
    if let Ok(cache) = std::fs::read("/etc/ld.so.cache") {
        items.push(Item::File("etc/ld.so.cache", cache));
    }
    items.push(Item::Directory("etc/alternatives"));
    for entry in std::fs::read_dir("/etc/alternatives").into_iter().flatten().flatten() {
        if let (Ok(target), Some(name)) = (std::fs::read_link(entry.path()), entry.file_name().to_str()) {
            items.push(Item::Link(format!("etc/alternatives/{name}"), target));
        }
    }
    items.sort_by(|a, b| a.path().cmp(b.path()));
    items
}

impl Item {
    /// Where it lies, without a slash at the front.
    pub fn path(&self) -> &str {
        match self {
            Self::Directory(path) | Self::File(path, _) => path,
            Self::Link(path, _) => path,
        }
    }
}
