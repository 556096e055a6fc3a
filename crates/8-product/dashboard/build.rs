//! Makes a table of the files that `make web` built. Without them the table is empty, and the server says so.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

#[allow(clippy::disallowed_methods, reason = "a build script is told its folders in the environment")]
fn main() {
    let dist =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo says where we are")).join("../../../web/dist");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo says where to write")).join("files.rs");
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut table = String::from("pub(crate) const FILES: &[File] = &[\n");
    if let Ok(dist) = dist.canonicalize() {
        let mut files = Vec::new();
        walk(&dist, &mut files);
        files.sort();
        for file in files {
            let name = file.strip_prefix(&dist).expect("below dist").to_str().expect("names in ASCII").to_owned();
            if name.ends_with(".br") || name.starts_with(".vite") {
                continue;
            }
            let packed = PathBuf::from(format!("{}.br", file.display()));
            let brotli = if packed.is_file() { format!("Some(include_bytes!({packed:?}))") } else { "None".to_owned() };
            let _ = writeln!(table, "File {{ path: {name:?}, bytes: include_bytes!({file:?}), brotli: {brotli} }},");
        }
    }
    table.push_str("];\n");
    fs::write(out, table).expect("the table can be written");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
