//! Parquet files with a column of pictures: one, or all in a folder, as data sets of Hugging Face are downloaded.

mod columns;
mod groups;

use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::picture_files::{MAX_FILES, MAX_PICTURE_BYTES, hash_file};
use super::{Candidate, Listing, Reader, shards};
use crate::error::{Error, ErrorKind};
use crate::found_labels::{LabelFile, LabelFileState};
use crate::labels::{Labels, MAX_WIDTH};
use crate::left_out::LeftOut;
use columns::{Columns, LabelColumn};
use groups::{Cache, FORM, Rows};

const ENDINGS: [&str; 1] = ["parquet"];
/// What a file begins and ends with.
const MARK: &[u8; 4] = b"PAR1";

#[derive(Debug)]
pub(super) struct Parquet {
    files: Vec<Rows>,
    columns: Vec<Columns>,
    groups: Vec<Group>,
    cache: Cache,
    listing: Listing,
}

/// A group of rows.
#[derive(Debug)]
struct Group {
    file: usize,
    number: usize,
    /// The number of its first picture.
    first: usize,
}

impl Reader for Parquet {
    fn recognizes(Candidate { path, metadata, head, .. }: &Candidate<'_>) -> bool {
        if metadata.is_dir() { shards::are_inside(path, &ENDINGS) } else { head.starts_with(MARK) }
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let (paths, left_out) = if path.is_dir() {
            shards::find(path, &ENDINGS)?
        } else {
            (vec![path.to_owned()], LeftOut::default())
        };
        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan Parquet files of pictures v1");
        let (mut files, mut columns, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0;
        for (file, path) in paths.iter().enumerate() {
            hash_file(&mut fingerprint, &fs::metadata(path).map_err(Error::read(path))?);
            let rows = Rows::open(path)?;
            let found = Columns::find(rows.metadata().file_metadata());
            columns.push(found.map_err(|reason| Error::container(path, FORM, &reason))?);
            for number in 0..rows.metadata().num_row_groups() {
                groups.push(Group { file, number, first: count });
                count = rows.count(number).saturating_add(count);
                if count > MAX_FILES {
                    return Err(ErrorKind::TooManyFiles { count, limit: MAX_FILES }.at(path));
                }
            }
            files.push(rows);
        }
        let (label_file, labels) = read_labels(&files, &columns, &groups);
        let listing = Listing::numbered(count, left_out, label_file, labels, &fingerprint);
        Ok(Self { files, columns, groups, cache: Cache::default(), listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        let bytes = self.picture(index)?;
        if bytes.len() as u64 > MAX_PICTURE_BYTES {
            return Err(format!("{} bytes, more than are accepted", bytes.len()));
        }
        Ok(bytes.to_vec())
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        let bytes = self.picture(index)?;
        Ok(bytes[..bytes.len().min(length.try_into().unwrap_or(usize::MAX))].to_vec())
    }
}

impl Parquet {
    fn picture(&self, index: usize) -> Result<Bytes, String> {
        let after = self.groups.partition_point(|group| group.first <= index);
        let Group { file, number, first } = &self.groups[after - 1];
        self.cache.picture(&self.files, (*file, *number), self.columns[*file].pictures, index - first)
    }
}

/// The labels of all rows, and the column that they stand in.
fn read_labels(files: &[Rows], columns: &[Columns], groups: &[Group]) -> (Option<LabelFile>, Option<Labels>) {
    let Some(LabelColumn { name, class_names, .. }) =
        columns.iter().find_map(|columns| columns.label.as_ref())
    else {
        return (None, None);
    };
    let classes_of = |group: &Group| match &columns[group.file].label {
        Some(column) => files[group.file].integers(group.number, column.number),
        None => Err("is not in all of the files".to_owned()),
    };
    let class_of = |class: Option<i64>| {
        let class = class.ok_or("has no class for one of the pictures")?;
        let is_class = |class: &u32| (*class as usize) < MAX_WIDTH;
        let class = u32::try_from(class).ok().filter(is_class);
        class.ok_or("has a class that is not from 0 to 65535")
    };
    let read = || {
        let mut indices = Vec::new();
        for group in groups {
            for class in classes_of(group)? {
                indices.push(class_of(class)?);
            }
        }
        let largest = indices.iter().max().map_or(0, |&max| max as usize + 1);
        let names = if class_names.len() >= largest { class_names.clone() } else { Vec::new() };
        let labels = Labels::Classes { count: largest.max(names.len()), indices, names };
        labels.validate(labels.len())?;
        Ok(labels)
    };
    let (state, labels) = match read() {
        Ok(labels) => (LabelFileState::Read { strangers: 0 }, Some(labels)),
        Err(reason) => (LabelFileState::Faulty { reason }, None),
    };
    (Some(LabelFile { name: name.clone(), state }), labels)
}
