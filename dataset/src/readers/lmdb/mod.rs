//! Pictures as values of an LMDB: rosinality's, and LSUN's.
//!
//! rosinality's `prepare_data.py` puts each picture in at several sides, under keys such as `256-00042`, and the number of
//! pictures under `length`. LSUN's keys are names. What holds such a file open is not waited for: it is read as the last
//! transaction left it.

mod page;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use stylegan_base::{Resolution, printable};

use super::decode::{self, Decoded};
use super::picture_files::{MAX_PICTURE_BYTES, hash_file, hash_text};
use super::{Candidate, Listing, Reader};
use crate::error::Error;
use crate::left_out::LeftOut;
use tree::{FORM, Tree, Value};

/// The file that there is in a folder of LMDB's.
const FILE_NAME: &str = "data.mdb";
/// The one beside it, which tells who reads.
const LOCK_FILE_NAME: &str = "lock.mdb";
/// Under which rosinality keeps how many pictures there are.
const LENGTH: &[u8] = b"length";

/// A value of fewer bytes is no picture.
const LEAST_BYTES: u32 = 16;

#[derive(Debug)]
pub(super) struct Lmdb {
    tree: Tree,
    /// From the largest down; one of side 0 where keys tell none.
    sides: Vec<Copies>,
    listing: Listing,
}

/// All pictures at one side.
#[derive(Debug, Default)]
struct Copies {
    side: usize,
    /// The numbers of the pictures in their order; of the largest side these are all there are.
    numbers: Vec<u64>,
    values: Vec<Value>,
}

impl Reader for Lmdb {
    /// Whether it begins as LMDB's files do, or is a folder with one by its name.
    fn recognizes(Candidate { head, inside, .. }: &Candidate<'_>) -> bool {
        page::is_meta(head) || inside.iter().any(|name| name == FILE_NAME)
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let mut left_out = LeftOut::default();
        let file = if path.is_dir() {
            for entry in fs::read_dir(path).map_err(Error::read(path))? {
                let entry = entry.map_err(Error::read(path))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if ![FILE_NAME, LOCK_FILE_NAME].contains(&name.as_str()) && entry.path().is_file() {
                    left_out.add_file(&name);
                }
            }
            path.join(FILE_NAME)
        } else {
            path.to_owned()
        };
        let mut entries: Vec<(Vec<u8>, Value)> = Vec::new();
        let mut length = None;
        let tree = Tree::open(&file, |key, value| {
            if value.length >= LEAST_BYTES {
                entries.push((key.to_owned(), value));
            } else if key == LENGTH {
                length = Some(value);
            }
        })?;

        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan LMDB of pictures v1");
        hash_file(&mut fingerprint, &fs::metadata(&file).map_err(Error::read(&file))?);
        for (key, value) in &entries {
            hash_text(&mut fingerprint, key);
            fingerprint.update(&value.length.to_le_bytes());
        }

        let (sides, names) = match by_sides(&entries) {
            Some(sides) => {
                let names = sides[0].numbers.iter().map(|number| format!("{number:08}")).collect();
                if let Some(length) = length {
                    check_length(&tree, length, sides[0].numbers.len(), &file)?;
                }
                (sides, names)
            }
            None => of_names(entries),
        };
        let listing = Listing {
            names,
            left_out,
            label_file: None,
            labels: None,
            fingerprint: fingerprint.finalize().to_hex().to_string(),
        };
        Ok(Self { tree, sides, listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        self.head(index, MAX_PICTURE_BYTES)
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        self.tree.read(self.sides[0].values[index], length)
    }

    fn decode(&self, index: usize, resolution: Resolution) -> Result<Decoded, String> {
        let mut large_enough = self.sides.iter().rev().filter(|kept| kept.side >= resolution.side());
        let value = large_enough.find_map(|kept| self.value_at(kept, index));
        self.decode_value(value.unwrap_or(self.sides[0].values[index]))
    }

    fn copy_at(&self, index: usize, level: Resolution) -> Option<Result<Decoded, String>> {
        let kept = self.sides.iter().find(|kept| Resolution::from(kept.side) == level)?;
        Some(self.decode_value(self.value_at(kept, index)?))
    }
}

impl Lmdb {
    /// Picture number `index` at one of its sides.
    fn value_at(&self, kept: &Copies, index: usize) -> Option<Value> {
        let number = self.sides[0].numbers.get(index)?;
        Some(kept.values[kept.numbers.binary_search(number).ok()?])
    }

    fn decode_value(&self, value: Value) -> Result<Decoded, String> {
        decode::decode(&self.tree.read(value, MAX_PICTURE_BYTES)?)
    }
}

/// The entries by their sides, from the largest down, if all keys are such as `256-00042`.
fn by_sides(entries: &[(Vec<u8>, Value)]) -> Option<Vec<Copies>> {
    let mut sides: BTreeMap<usize, BTreeMap<u64, Value>> = BTreeMap::new();
    for (key, value) in entries {
        let (side, number) = std::str::from_utf8(key).ok()?.split_once('-')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(side) || !is_number(number) || number.len() < 5 {
            return None;
        }
        sides.entry(side.parse().ok()?).or_default().insert(number.parse().ok()?, *value);
    }
    let sides = sides.into_iter().rev().map(|(side, values)| {
        let (numbers, values) = values.into_iter().unzip();
        Copies { side, numbers, values }
    });
    let sides: Vec<Copies> = sides.collect();
    (!sides.is_empty()).then_some(sides)
}

/// The entries by the names that their keys are.
fn of_names(entries: Vec<(Vec<u8>, Value)>) -> (Vec<Copies>, Vec<String>) {
    let shown = |key: &[u8]| printable(&String::from_utf8_lossy(key));
    let mut named: Vec<(String, Value)> =
        entries.into_iter().map(|(key, value)| (shown(&key), value)).collect();
    named.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
    let (names, values): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let numbers = (0..values.len() as u64).collect();
    (vec![Copies { side: 0, numbers, values }], names)
}

/// Refuses a file that says it has another number of pictures, as when not all of them were written.
fn check_length(tree: &Tree, length: Value, count: usize, file: &Path) -> Result<(), Error> {
    let text = tree.read(length, LEAST_BYTES.into()).unwrap_or_default();
    let said = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse::<usize>().ok());
    match said {
        Some(said) if said != count => {
            let reason = format!("its `length` is {said}, but {count} pictures are there");
            Err(Error::container(file, FORM, &reason))
        }
        _ => Ok(()),
    }
}
