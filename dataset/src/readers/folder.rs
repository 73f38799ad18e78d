//! A folder of pictures at any depth.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use stylegan_base::printable;
use walkdir::WalkDir;

use super::picture_files::{
    self, MAX_FILES, MAX_PICTURE_BYTES, changed_nanoseconds, hash_text, is_picture, system_reason,
};
use super::{Candidate, Listing, Reader, dataset_json};
use crate::error::{Error, ErrorKind};
use crate::left_out::{LeftOut, is_hidden, is_run};

#[derive(Debug)]
pub(super) struct Folder {
    pictures: Vec<PathBuf>,
    listing: Listing,
}

struct Found {
    path: PathBuf,
    /// The path inside the folder in the system's own bytes, with `/` between its parts.
    name: Vec<u8>,
    length: u64,
    changed_nanoseconds: i128,
}

impl Reader for Folder {
    fn recognizes(candidate: &Candidate<'_>) -> bool {
        candidate.metadata.is_dir()
    }

    fn open(root: &Path) -> Result<Self, Error> {
        let mut pictures = Vec::new();
        let mut left_out = LeftOut::default();
        let mut label_files = Vec::new();
        if is_run_folder(root) {
            return Err(ErrorKind::RunFolder.at(root));
        }
        let mut entries = WalkDir::new(root).min_depth(1).follow_links(true).into_iter();
        while let Some(entry) = entries.next() {
            let (path, metadata) = match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    let is_hidden = is_hidden(&entry.file_name().to_string_lossy());
                    if is_hidden || is_run_folder(entry.path()) {
                        let name = shown(&name_inside(root, entry.path()));
                        if is_hidden { &mut left_out.hidden } else { &mut left_out.runs }.push(name);
                        entries.skip_current_dir();
                    }
                    continue;
                }
                Ok(entry) => {
                    let metadata = entry.metadata().ok();
                    (entry.into_path(), metadata)
                }
                // A link to a folder that it lies in leads to nothing that is not found anyway.
                Err(e) if e.loop_ancestor().is_some() => continue,
                // A link that leads nowhere counts as a picture that cannot be read.
                Err(e) => match e.path() {
                    Some(path) if fs::read_link(path).is_ok() => (path.to_path_buf(), None),
                    path => {
                        let path = path.unwrap_or(root).to_path_buf();
                        return Err(Error::read(&path)(e.into()));
                    }
                },
            };
            let name = name_inside(root, &path);
            let is_label_file = dataset_json::is_label_file(&String::from_utf8_lossy(&name));
            if !is_label_file && !is_picture(&String::from_utf8_lossy(&name)) {
                left_out.add_file(&String::from_utf8_lossy(&name));
                continue;
            }
            let found = Found {
                path,
                name,
                length: metadata.as_ref().map_or(0, fs::Metadata::len),
                changed_nanoseconds: metadata.as_ref().map_or(0, changed_nanoseconds),
            };
            if is_label_file {
                label_files.push(found);
                continue;
            }
            pictures.push(found);
            if pictures.len() > MAX_FILES {
                return Err(ErrorKind::TooManyFiles { count: pictures.len(), limit: MAX_FILES }.at(root));
            }
        }
        left_out.hidden.sort_unstable();
        left_out.runs.sort_unstable();
        pictures.sort_unstable_by(|a, b| a.name.cmp(&b.name));

        let names_of = |files: &[Found]| files.iter().map(|found| shown(&found.name)).collect::<Vec<_>>();
        let (names, label_names) = (names_of(&pictures), names_of(&label_files));
        let labels = dataset_json::find(&label_names, &names, |number| {
            read_file(&label_files[number].path, dataset_json::MAX_BYTES, true)
        });

        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan folder of pictures v1");
        for found in pictures.iter().chain(labels.number.map(|number| &label_files[number])) {
            hash_text(&mut fingerprint, &found.name);
            fingerprint.update(&found.length.to_le_bytes()).update(&found.changed_nanoseconds.to_le_bytes());
        }
        let listing = picture_files::listing(names, left_out, labels, &fingerprint);
        Ok(Self { pictures: pictures.into_iter().map(|found| found.path).collect(), listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        read_file(&self.pictures[index], MAX_PICTURE_BYTES, true)
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        read_file(&self.pictures[index], length, false)
    }
}

/// All bytes of a file that has no more than `limit`, or else the first ones.
pub(super) fn read_file(path: &Path, limit: u64, is_whole: bool) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|e| system_reason(&e))?;
    // A pipe would be waited for without end.
    if !metadata.is_file() {
        return Err("not a file".into());
    }
    if is_whole && metadata.len() > limit {
        return Err(format!("{} bytes, more than are accepted", metadata.len()));
    }
    let mut bytes = Vec::with_capacity(metadata.len().min(limit) as usize);
    let file = File::open(path).map_err(|e| system_reason(&e))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|e| system_reason(&e))?;
    Ok(bytes)
}

fn name_inside(root: &Path, path: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = path
        .strip_prefix(root)
        .unwrap_or(path)
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.as_encoded_bytes()),
            _ => None,
        })
        .collect();
    parts.join(&b'/')
}

fn shown(name: &[u8]) -> String {
    printable(&String::from_utf8_lossy(name))
}

fn is_run_folder(folder: &Path) -> bool {
    is_run(|name| folder.join(name).is_file())
}
