//! `nodeloom sandbox build-root`: a small read-only root with Python, put together from what is installed on the host, for
//! hosts whose /usr should not or cannot be shown to guests. The same packages give the same tree, and a list beside it
//! says what is in it.

mod elf;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use aws_lc_rs::digest::{SHA256, digest};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{} is not an empty directory", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} cannot be asked where its library is: {reason}", .python.display())]
    Python { python: PathBuf, reason: String },
    #[error("{} needs the library {library}, which is nowhere", .by.display())]
    LibraryMissing { by: PathBuf, library: String },
    #[error("{} could not be copied", .path.display())]
    Copy { path: PathBuf, source: io::Error },
}

/// What goes into a tree.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The interpreter, as guests will call it.
    pub python: PathBuf,
    /// Further programs, with the libraries they need.
    pub programs: Vec<PathBuf>,
}

/// What was made.
#[derive(Debug)]
pub struct Built {
    pub files: usize,
    pub bytes: u64,
    /// SHA-256 of the list, in hex: the same content gives the same.
    pub sha256: String,
    pub list: PathBuf,
}

/// The list's name: it lies beside the tree's directories and is no part of what guests see.
pub const LIST: &str = "nodeloom-root.txt";

/// Parts of Python's library that no script in a sandbox can use: tests, windows, installers.
const LEFT_OUT: &[&str] = &[
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "pydoc_data",
    "dist-packages",
    "site-packages",
];

/// Builds a tree in `directory`, which must be empty or absent.
pub fn build(directory: &Path, recipe: &Recipe) -> Result<Built, BuildError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Copy { path, source }
    };
    fs::create_dir_all(directory).map_err(at(directory))?;
    if fs::read_dir(directory).map_err(at(directory))?.next().is_some() {
        return Err(BuildError::NotEmpty(directory.into()));
    }
    let mut tree = Tree { directory: directory.into(), done: BTreeMap::new(), programs: VecDeque::new() };
    for name in ["", "usr", "usr/bin", "usr/lib", "etc", "dev", "proc", "sys", "tmp", ".nodeloom"] {
        tree.directory(&Path::new("/").join(name))?;
    }
    // merged or not, the host's own way is the one that its programs were linked for
    for name in ["bin", "sbin", "lib", "lib64"] {
        let host = Path::new("/").join(name);
        match fs::read_link(&host) {
            Ok(target) => {
                tree.directory(&Path::new("/").join(&target))?;
                tree.link(&host, &target)?;
            }
            Err(_) if host.is_dir() => tree.directory(&host)?,
            Err(_) => {}
        }
    }
    for program in std::iter::once(&recipe.python).chain(&recipe.programs) {
        tree.file(program)?;
    }
    for library in libraries_of(&recipe.python)? {
        tree.all_below(&library)?;
    }
    tree.close_over_libraries()?;
    tree.write_list()
}

/// Where the interpreter has its modules.
#[allow(clippy::disallowed_methods, reason = "the interpreter alone knows where its library is")]
fn libraries_of(python: &Path) -> Result<BTreeSet<PathBuf>, BuildError> {
    let failed = |reason: String| BuildError::Python { python: python.into(), reason };
    let question = "import sysconfig as s\nfor n in (s.get_path('stdlib'), s.get_path('platstdlib'), \
                    s.get_config_var('DESTSHARED')): print(n or '')";
    let said = Command::new(python)
        .args(["-I", "-S", "-B", "-c", question])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !said.status.success() {
        return Err(failed(String::from_utf8_lossy(&said.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let found: BTreeSet<PathBuf> = text.lines().map(PathBuf::from).filter(|path| path.is_dir()).collect();
    if found.is_empty() {
        return Err(failed("it names no directory".into()));
    }
    Ok(found)
}

struct Tree {
    directory: PathBuf,
    /// Path inside → what it is, for the list.
    done: BTreeMap<PathBuf, String>,
    /// Programs and libraries whose own libraries are still to be looked for.
    programs: VecDeque<PathBuf>,
}

impl Tree {
    fn inside(&self, path: &Path) -> PathBuf {
        self.directory.join(path.strip_prefix("/").unwrap_or(path))
    }
    fn directory(&mut self, path: &Path) -> Result<(), BuildError> {
        // what lies below a link of ours lies where the link points
        let to = self.inside(path);
        if to.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        let make = || -> io::Result<()> {
            fs::create_dir(&to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755))
        };
        make().map_err(|source| BuildError::Copy { path: path.into(), source })
    }
    fn link(&mut self, path: &Path, target: &Path) -> Result<(), BuildError> {
        if self.done.contains_key(path) || self.inside(path).is_symlink() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        symlink(target, self.inside(path)).map_err(|source| BuildError::Copy { path: path.into(), source })?;
        self.done.insert(path.into(), format!("link -> {}", target.display()));
        Ok(())
    }
    /// One file, with every link on the way to it.
    fn file(&mut self, path: &Path) -> Result<(), BuildError> {
        let mut path = self.above(path)?;
        for _ in 0..40 {
            if self.done.contains_key(&path) {
                return Ok(());
            }
            match fs::read_link(&path) {
                Ok(target) => {
                    self.link(&path, &target)?;
                    let next = path.parent().unwrap_or(Path::new("/")).join(&target);
                    path = self.above(&plain(&next))?;
                }
                Err(_) => return self.copy(&path),
            }
        }
        Err(BuildError::Copy { path, source: io::Error::other("its links do not end") })
    }
    /// The same path with links among the directories above it followed: there its file lies.
    fn above(&self, path: &Path) -> Result<PathBuf, BuildError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path.into()) };
        let real = parent.canonicalize().map_err(|source| BuildError::Copy { path: path.into(), source })?;
        Ok(real.join(name))
    }
    fn copy(&mut self, path: &Path) -> Result<(), BuildError> {
        let at = |source| BuildError::Copy { path: path.into(), source };
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        let content = fs::read(path).map_err(at)?;
        let about = fs::metadata(path).map_err(at)?;
        let to = self.inside(path);
        let mode = if about.permissions().mode() & 0o111 != 0 { 0o555 } else { 0o444 };
        let write = || -> io::Result<()> {
            fs::write(&to, &content)?;
            fs::File::options().write(true).open(&to)?.set_modified(about.modified()?)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(mode))
        };
        write().map_err(at)?;
        let hash = hex::encode(digest(&SHA256, &content));
        self.done.insert(path.into(), format!("{mode:o} {} {hash}", content.len()));
        if content.starts_with(b"\x7fELF") {
            self.programs.push_back(path.into());
        }
        Ok(())
    }
    fn all_below(&mut self, path: &Path) -> Result<(), BuildError> {
        let at = |source| BuildError::Copy { path: path.into(), source };
        let mut entries = fs::read_dir(path).map_err(at)?.collect::<io::Result<Vec<_>>>().map_err(at)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, kind) = (entry.file_name(), entry.file_type().map_err(at)?);
            if kind.is_dir() {
                if !LEFT_OUT.iter().any(|left| name == *left) && !name.as_bytes().starts_with(b"config-") {
                    self.all_below(&entry.path())?;
                }
            } else if entry.path().is_file() {
                self.file(&entry.path())?;
            }
        }
        Ok(())
    }
    /// Every library that something in the tree needs, until nothing new is needed.
    fn close_over_libraries(&mut self) -> Result<(), BuildError> {
        let places = elf::places();
        while let Some(by) = self.programs.pop_front() {
            let content = fs::read(&by).map_err(|source| BuildError::Copy { path: by.clone(), source })?;
            let Some(needs) = elf::needs(&content) else { continue };
            if let Some(loader) = &needs.loader {
                self.file(loader)?;
            }
            for library in needs.libraries {
                let own = needs.places.iter().map(|place| elf::own_place(place, &by));
                let mut candidates = own.chain(places.iter().cloned()).map(|place| place.join(&library));
                match candidates.find(|at| at.is_file()) {
                    Some(found) => self.file(&found)?,
                    // modules for things that are not installed: they say so when they are imported
                    None if by.to_string_lossy().contains("lib-dynload") => {}
                    None => return Err(BuildError::LibraryMissing { by, library }),
                }
            }
        }
        Ok(())
    }
    fn write_list(self) -> Result<Built, BuildError> {
        let mut text = String::new();
        for (path, what) in &self.done {
            text.push_str(&format!("{} {what}\n", path.display()));
        }
        let list = self.directory.join(LIST);
        fs::write(&list, &text).map_err(|source| BuildError::Copy { path: list.clone(), source })?;
        let sizes = self.done.values().filter_map(|what| what.split(' ').nth(1)?.parse::<u64>().ok());
        Ok(Built {
            files: self.done.len(),
            bytes: sizes.sum(),
            sha256: hex::encode(digest(&SHA256, text.as_bytes())),
            list,
        })
    }
}

/// Without `.` and `..`, as text: the links among its parts were followed before.
fn plain(path: &Path) -> PathBuf {
    let mut to = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(to.pop()),
            Component::CurDir => {}
            other => to.push(other),
        }
    }
    to
}
