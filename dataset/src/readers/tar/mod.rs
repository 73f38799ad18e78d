//! Tar files of pictures: one, or a `WebDataset` of many in a folder.

mod entries;
mod labels;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use stylegan_base::printable;

use super::archive::{self, Sorted};
use super::picture_files::{
    self, MAX_FILES, MAX_PICTURE_BYTES, has_extension, hash_file, hash_text, system_reason,
};
use super::{Candidate, Listing, Reader, dataset_json, shards};
use crate::error::{Error, ErrorKind};
use crate::left_out::LeftOut;
use crate::shared_file::{SharedFile, read_exact_at};
use entries::Entry;

const ENDINGS: [&str; 1] = ["tar"];

#[derive(Debug)]
pub(super) struct Tar {
    files: Vec<SharedFile>,
    pictures: Vec<Place>,
    listing: Listing,
}

/// Where the bytes of an entry are.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: u32,
    offset: u64,
    length: u64,
}

impl Reader for Tar {
    /// Whether it has the mark of a tar file, or its name; the first tars had no mark.
    fn recognizes(Candidate { path, metadata, head, .. }: &Candidate<'_>) -> bool {
        if metadata.is_dir() {
            shards::are_inside(path, &ENDINGS)
        } else {
            head.get(257..262) == Some(b"ustar") || has_extension(path, &ENDINGS)
        }
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let (paths, beside) = if path.is_dir() {
            shards::find(path, &ENDINGS)?
        } else {
            (vec![path.to_owned()], LeftOut::default())
        };
        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan tars of pictures v1");
        let (mut files, mut names, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (number, path) in paths.iter().enumerate() {
            hash_file(&mut fingerprint, &fs::metadata(path).map_err(Error::read(path))?);
            let (file, entries) = entries::list(path)?;
            files.push(file);
            for Entry { name, offset, length } in entries {
                names.push(name);
                places.push(Place { file: number as u32, offset, length });
            }
            if names.len() > 2 * MAX_FILES {
                return Err(ErrorKind::TooManyFiles { count: names.len(), limit: MAX_FILES }.at(path));
            }
        }
        if has_repeated(&names) {
            // Each file may count anew.
            for (name, place) in names.iter_mut().zip(&places).filter(|_| paths.len() > 1) {
                *name = format!("{}/{name}", name_inside(path, &paths[place.file as usize]));
            }
        }

        let Sorted { mut pictures, label_files, others, mut left_out, is_run } = archive::sort_out(&names);
        if is_run {
            return Err(ErrorKind::RunFolder.at(path));
        }
        pictures.sort_unstable_by(|&a, &b| names[a].as_bytes().cmp(names[b].as_bytes()));
        if let Some([name, _]) = pictures.array_windows().find(|[a, b]| names[*a] == names[*b]) {
            let (entry, reason) = (names[*name].clone(), "is there more than once".to_owned());
            return Err(ErrorKind::Entry { entry, reason }.at(path));
        }
        let picture_names: Vec<String> = pictures.iter().map(|&number| names[number].clone()).collect();
        let read_entry = |number: usize, limit: u64| read(&files, places[number], limit);

        let label_names: Vec<String> = label_files.iter().map(|&number| names[number].clone()).collect();
        let mut found = dataset_json::find(&label_names, &picture_names, |number| {
            read_entry(label_files[number], dataset_json::MAX_BYTES)
        });
        let mut used = HashSet::new();
        if found.file.is_none() {
            let beside: Vec<(&str, usize)> = others.iter().map(|&number| (&*names[number], number)).collect();
            let numbers;
            (found, numbers) = labels::find(&picture_names, &beside, &read_entry);
            used.extend(numbers);
        }
        for number in others.into_iter().filter(|number| !used.contains(number)) {
            left_out.add_file(&names[number]);
        }
        left_out.add(beside);

        for &number in &pictures {
            hash_text(&mut fingerprint, names[number].as_bytes());
            fingerprint.update(&places[number].length.to_le_bytes());
        }
        let pictures = pictures.into_iter().map(|number| places[number]).collect();
        let listing = picture_files::listing(picture_names, left_out, found, &fingerprint);
        Ok(Self { files, pictures, listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        let place = self.pictures[index];
        if place.length > MAX_PICTURE_BYTES {
            return Err(format!("{} bytes, more than are accepted", place.length));
        }
        read(&self.files, place, MAX_PICTURE_BYTES)
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        read(&self.files, self.pictures[index], length)
    }
}

/// At most the first `limit` bytes of an entry.
fn read(files: &[SharedFile], Place { file, offset, length }: Place, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length.min(limit) as usize];
    read_exact_at(files[file as usize].file(), &mut bytes, offset).map_err(|e| system_reason(&e))?;
    Ok(bytes)
}

fn has_repeated(names: &[String]) -> bool {
    let mut seen = HashSet::with_capacity(names.len());
    names.iter().filter(|name| !name.ends_with('/')).any(|name| !seen.insert(name))
}

/// The path of a file inside the folder, without its ending.
fn name_inside(folder: &Path, file: &Path) -> String {
    let inside: PathBuf = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    printable(&parts.join("/"))
}
