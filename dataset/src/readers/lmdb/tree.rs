//! The tree of entries of an LMDB file, read without trusting it.
//!
//! LMDB itself maps the file into memory and follows what its pages say, so that a damaged or hostile file, or one that is cut
//! short while it is mapped, ends the process. Here each page is read at its place, checked, and visited at most once.

use std::fs::File;
use std::path::Path;

use super::page::{self, Kind, Meta, Node, Target};
use crate::error::{Error, ErrorKind};
use crate::readers::picture_files::{MAX_FILES, MAX_PICTURE_BYTES, system_reason};
use crate::shared_file::{SharedFile, read_exact_at};

/// What a file of it is called, with its article.
pub(super) const FORM: &str = "an LMDB file";

/// Higher than any tree is whose pages hold two nodes each.
const MAX_DEPTH: usize = 64;

/// The longest key that LMDB takes.
const MAX_KEY_BYTES: usize = 511;

/// An LMDB file whose entries were found.
#[derive(Debug)]
pub(super) struct Tree {
    file: SharedFile,
    page_bytes: u32,
}

/// Where the bytes of an entry are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    offset: u64,
    pub(super) length: u32,
    has_own_pages: bool,
}

/// A page of the tree on the way down to a leaf.
struct Open {
    bytes: Vec<u8>,
    kind: Kind,
    next: usize,
    count: usize,
}

impl Tree {
    /// Finds all entries, in the order of their keys; `on_entry` hears of each. No value is read.
    ///
    /// # Errors
    /// If the file cannot be read, or its pages are none that LMDB writes: cut short, with a circle in them, with nodes that
    /// leave their page, or entries that leave the file.
    pub(super) fn open(path: &Path, mut on_entry: impl FnMut(&[u8], Value)) -> Result<Self, Error> {
        let file = File::open(path).and_then(SharedFile::new).map_err(Error::read(path))?;
        let broken = |reason: String| Error::container(path, FORM, &reason);
        let meta = meta(&file).map_err(broken)?;
        let tree = Self { file, page_bytes: meta.page_bytes };
        let Some(root) = meta.root else { return Ok(tree) };
        let mut visited = Visited::new(tree.file.len() / u64::from(meta.page_bytes));
        let mut open = vec![tree.page(root, &mut visited).map_err(broken)?];
        let mut count = 0;
        while let Some(top) = open.last_mut() {
            if top.next == top.count {
                open.pop();
                continue;
            }
            let Node { key, target } = page::node(&top.bytes, top.kind, top.next).map_err(broken)?;
            top.next += 1;
            if let Target::Page(number) = target {
                if open.len() == MAX_DEPTH.min(meta.depth.into()) {
                    return Err(broken("its tree is deeper than it says".into()));
                }
                let page = tree.page(number, &mut visited).map_err(broken)?;
                open.push(page);
                continue;
            }
            count += 1;
            if count > MAX_FILES {
                return Err(ErrorKind::TooManyFiles { count, limit: MAX_FILES }.at(path));
            }
            if key.len() > MAX_KEY_BYTES {
                return Err(broken(format!("a key has {} bytes", key.len())));
            }
            let value = tree.value(&top.bytes, target).map_err(broken)?;
            on_entry(key, value);
        }
        if count as u64 != meta.entries {
            return Err(broken(format!(
                "it says that it has {} entries, but {count} are there",
                meta.entries
            )));
        }
        Ok(tree)
    }

    /// Reads a page of the tree that was not read before.
    fn page(&self, number: u64, visited: &mut Visited) -> Result<Open, String> {
        visited.add(number)?;
        let mut bytes = vec![0; self.page_bytes as usize];
        // In the file, as `visited` says.
        let offset = number * u64::from(self.page_bytes);
        read_exact_at(self.file.file(), &mut bytes, offset).map_err(|e| system_reason(&e))?;
        if page::number(&bytes) != Some(number) {
            return Err(format!("page {number} says it is another"));
        }
        let kind = page::kind(&bytes)?;
        if !matches!(kind, Kind::Branch | Kind::Leaf) {
            return Err(format!("page {number} is none of its tree"));
        }
        let count = page::node_count(&bytes)?;
        Ok(Open { bytes, kind, next: 0, count })
    }

    /// Where the bytes of an entry are that a node of this page leads to.
    fn value(&self, page: &[u8], target: Target) -> Result<Value, String> {
        let page_bytes = u64::from(self.page_bytes);
        let (offset, length, has_own_pages) = match target {
            Target::Here { at, length } => {
                let number = page::number(page).unwrap_or_default();
                (number.checked_mul(page_bytes).and_then(|start| start.checked_add(at as u64)), length, false)
            }
            Target::Overflow { page, length } => {
                let start = page.checked_mul(page_bytes);
                (start.and_then(|start| start.checked_add(page::HEADER_BYTES as u64)), length, true)
            }
            Target::Page(_) => (None, 0, false),
        };
        offset
            .filter(|offset| offset.checked_add(length.into()).is_some_and(|end| end <= self.file.len()))
            .map(|offset| Value { offset, length, has_own_pages })
            .ok_or_else(|| "an entry leaves the file".into())
    }

    /// At most the first `limit` bytes of an entry.
    pub(super) fn read(&self, value: Value, limit: u64) -> Result<Vec<u8>, String> {
        let Value { offset, length, has_own_pages } = value;
        if u64::from(length) > MAX_PICTURE_BYTES {
            return Err(format!("{length} bytes, more than are accepted"));
        }
        let read = |bytes: &mut [u8], offset| {
            read_exact_at(self.file.file(), bytes, offset).map_err(|e| system_reason(&e))
        };
        if has_own_pages {
            let mut header = [0; page::HEADER_BYTES];
            let start = offset - page::HEADER_BYTES as u64;
            read(&mut header, start)?;
            let number = start / u64::from(self.page_bytes);
            let room = u64::from(page::overflow_pages(&header).unwrap_or(0)) * u64::from(self.page_bytes);
            let is_large_enough = room >= page::HEADER_BYTES as u64 + u64::from(length);
            if page::number(&header) != Some(number)
                || page::kind(&header)? != Kind::Overflow
                || !is_large_enough
            {
                return Err(format!("its pages from {number} on are not its own"));
            }
        }
        let mut bytes = vec![0; u64::from(length).min(limit) as usize];
        read(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// What the later of the two transactions says that the file knows.
fn meta(file: &SharedFile) -> Result<Meta, String> {
    let at = |offset: u64| {
        let mut bytes = [0; Meta::BYTES];
        read_exact_at(file.file(), &mut bytes, offset)
            .map_err(|_| "its first pages are cut short".to_owned())?;
        Meta::parse(&bytes)
    };
    let first = at(0)?;
    let second = at(first.page_bytes.into())?;
    if first.page_bytes != second.page_bytes {
        return Err("its first two pages give pages different sizes".into());
    }
    Ok(if second.transaction > first.transaction { second } else { first })
}

/// The pages that were read, a bit each, so that a tree with a circle in it ends.
struct Visited {
    pages: u64,
    bits: Vec<u64>,
}

impl Visited {
    fn new(pages: u64) -> Self {
        Self { pages, bits: Vec::new() }
    }

    fn add(&mut self, number: u64) -> Result<(), String> {
        if number >= self.pages {
            return Err(format!("page {number} is not in the file"));
        }
        let word = (number / 64) as usize;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let bit = 1 << (number % 64);
        if self.bits[word] & bit != 0 {
            return Err(format!("its tree leads to page {number} twice"));
        }
        self.bits[word] |= bit;
        Ok(())
    }
}
