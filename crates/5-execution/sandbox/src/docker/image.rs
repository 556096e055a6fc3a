//! Images, made from our own files: an empty root with the keeper and the JavaScript runner, one with places for the
//! host's programs, or one from a tree of `nodeloom sandbox build-root`. Nothing is pulled from anywhere.

use std::{fs, io, path::Path};

use bollard::{errors::Error as EngineError, query_parameters::CreateImageOptionsBuilder};
use futures::StreamExt;

use crate::{
    backend::{JAVASCRIPT, LAUNCHER},
    engine_profile::{self, Item, KEEPER, RUNNER},
};

/// An image's content, and the name that follows from it.
pub struct Made {
    pub name: String,
    pub tag: String,
    pub content: Vec<u8>,
}

const REPOSITORY: &str = "nodeloom-sandbox";

/// Makes the content: the same files give the same name.
pub fn make(host_usr: bool, tree: Option<&Path>) -> io::Result<Made> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.mode(tar::HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    let directory = |tar: &mut tar::Builder<Vec<u8>>, path: &str| -> io::Result<()> {
        // a mount over /tmp takes its mode
        let mut head = header(tar::EntryType::Directory, if path == "tmp" { 0o1777 } else { 0o755 }, 0);
        tar.append_data(&mut head, format!("{path}/"), io::empty())
    };
    match tree {
        Some(tree) => {
            for name in ["dev", "proc", "sys", "tmp"] {
                directory(&mut tar, name)?;
            }
            add_tree(&mut tar, tree, tree)?;
        }
        None => {
            for item in engine_profile::skeleton(host_usr) {
                match item {
                    Item::Directory(path) => directory(&mut tar, path)?,
                    Item::File(path, bytes) => {
                        let mut head = header(tar::EntryType::Regular, 0o444, bytes.len());
                        tar.append_data(&mut head, path, &bytes[..])?;
                    }
                    Item::Link(path, target) => {
                        tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), path, target)?;
                    }
                }
            }
        }
    }
    directory(&mut tar, ".nodeloom")?;
    for (name, bytes) in [(KEEPER, LAUNCHER), (RUNNER, JAVASCRIPT)] {
        let mut head = header(tar::EntryType::Regular, 0o555, bytes.len());
        tar.append_data(&mut head, format!(".nodeloom/{name}"), bytes)?;
    }
    let content = tar.into_inner()?;
    let hash = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &content));
    let tag = hash[..24].to_owned();
    Ok(Made { name: format!("{REPOSITORY}:{tag}"), tag, content })
}

fn header(kind: tar::EntryType, mode: u32, size: usize) -> tar::Header {
    let mut head = tar::Header::new_gnu();
    head.set_entry_type(kind);
    head.set_mode(mode);
    head.set_size(size as u64);
    head.set_mtime(0);
    head
}

/// Adds what is in a tree, sorted, with the times of its files (Python's compiled modules depend on them).
fn add_tree(tar: &mut tar::Builder<Vec<u8>>, tree: &Path, at: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(at)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = path.strip_prefix(tree).map_err(io::Error::other)?.to_owned();
        if ["dev", "proc", "sys", "tmp", ".nodeloom"].iter().any(|own| name == Path::new(own)) {
            continue;
        }
        let about = path.symlink_metadata()?;
        use std::os::unix::fs::MetadataExt;
        if about.is_symlink() {
            let mut head = header(tar::EntryType::Symlink, 0o777, 0);
            tar.append_link(&mut head, &name, fs::read_link(&path)?)?;
        } else if about.is_dir() {
            tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), &name, io::empty())?;
            add_tree(tar, tree, &path)?;
        } else if about.is_file() {
            let mut head = header(tar::EntryType::Regular, about.mode() & 0o555, about.len() as usize);
            head.set_mtime(u64::try_from(about.mtime()).unwrap_or(0));
            tar.append_data(&mut head, &name, fs::File::open(&path)?)?;
        }
    }
    Ok(())
}

/// Gives the image to the engine unless it has it.
pub async fn bring(engine: &bollard::Docker, made: Made) -> Result<String, EngineError> {
    match engine.inspect_image(&made.name).await {
        Ok(_) => return Ok(made.name),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {}
        Err(error) => return Err(error),
    }
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(REPOSITORY).tag(&made.tag).build();
    let body = bollard::body_full(made.content.into());
    let mut steps = Box::pin(engine.create_image(Some(options), Some(body), None));
    while let Some(step) = steps.next().await {
        step?;
    }
    drop(steps);
    engine.inspect_image(&made.name).await?;
    Ok(made.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_image() {
        let (one, two) = (make(true, None).unwrap(), make(true, None).unwrap());
        assert_eq!(one.name, two.name);
        let empty = make(false, None).unwrap();
        assert_ne!(one.name, empty.name);
        let mut archive = tar::Archive::new(&empty.content[..]);
        let paths: Vec<_> = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(paths.len(), 8, "{paths:?}");
        assert!(paths.contains(&Path::new(".nodeloom/keeper").to_owned()));
    }
}
