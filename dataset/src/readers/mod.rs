//! Where pictures come from: one file for each form in which people keep them.
//!
//! A reader lists what a source holds when it opens it, and hands out one picture at a time afterwards, to many threads
//! at once. `READERS` has a line for each; the first that recognizes a source reads it.

mod archive;
mod arrays;
mod dataset_json;
mod decode;
mod ffhq;
mod folder;
mod kind;
mod lmdb;
mod parquet;
mod picture_files;
mod shards;
mod single;
mod source;
mod tar;
#[cfg(test)]
mod tests;
mod tfrecords;
mod zip;

use std::fmt::Debug;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use stylegan_base::Resolution;

pub use single::read_picture;
pub use source::Source;

pub(crate) use decode::Decoded;
pub(crate) use kind::ARCHIVES;
pub(crate) use picture_files::ENDINGS;
pub(crate) use tfrecords::{Planes, write_record};

use crate::error::{Error, ErrorKind};
use crate::found_labels::LabelFile;
use crate::labels::Labels;
use crate::left_out::LeftOut;

/// All readers. A folder of pictures recognizes every folder, so that one of a special form stands before it.
const READERS: [Entry; 8] = [
    Entry::of::<zip::Zip>("zip"),
    Entry::of::<tfrecords::TfRecords>("tfrecords"),
    Entry::of::<lmdb::Lmdb>("lmdb"),
    Entry::of::<arrays::Arrays>("arrays"),
    Entry::of::<tar::Tar>("tar"),
    Entry::of::<parquet::Parquet>("parquet"),
    Entry::of::<ffhq::Ffhq>("ffhq"),
    Entry::of::<folder::Folder>("folder"),
];

/// What a picture is that was given in place of a source.
pub(crate) const SINGLE_PICTURE: &str = "a single picture";

/// More files than a folder holds that is of a special form.
const MAX_INSIDE: usize = 10_000;

/// Enough of a file to find its width and height in, unless much stands before them.
const HEAD_BYTES: u64 = 64 << 10;

/// A source of pictures, listed when it was opened.
///
/// Pictures go by their number in the listing. What is wrong with one of them is said in words, as it is left out and
/// the others are used. A reader of picture files has the first half of this; one that keeps pixels says itself how large
/// they are and what they look like.
pub(crate) trait Reader: Debug + Send + Sync {
    /// Whether this reader is the one for a source, by what is in it where that tells.
    fn recognizes(candidate: &Candidate<'_>) -> bool
    where
        Self: Sized;

    /// Lists the pictures of a source that it recognizes.
    ///
    /// # Errors
    /// If the source cannot be read or holds what no honest program writes.
    fn open(path: &Path) -> Result<Self, Error>
    where
        Self: Sized;

    /// What it holds.
    fn listing(&self) -> &Listing;

    /// All bytes that are kept of one picture.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, String>;

    /// At most the first `length` of them.
    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String>;

    /// Width and height of one picture as it looks; nothing is decoded for them.
    fn dimensions(&self, index: usize) -> Result<(u32, u32), String> {
        decode::dimensions(&self.head(index, HEAD_BYTES)?)
            .or_else(|_| decode::dimensions(&self.bytes(index)?))
    }

    /// The pixels of one picture.
    ///
    /// It will be packed at this resolution: a reader that keeps a picture at several takes the smallest that is no smaller.
    fn decode(&self, index: usize, _resolution: Resolution) -> Result<Decoded, String> {
        decode::decode(&self.bytes(index)?)
    }

    /// What a list beside the pictures says of their bytes; `None` if there is no such list.
    fn checksums(&self) -> Option<Result<Checksums, Error>> {
        None
    }

    /// The copy at this resolution that the source itself keeps of one picture; `None` if it keeps none.
    ///
    /// Where a picture is packed as it is, its smaller levels are these; where there is none, a level is the mean of 2x2 pixels
    /// of the one above.
    fn copy_at(&self, _index: usize, _level: Resolution) -> Option<Result<Decoded, String>> {
        None
    }
}

/// The MD5 that the bytes of each picture should have, where it is known.
pub(crate) type Checksums = Vec<Option<[u8; 16]>>;

/// What a source holds.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// The paths of the pictures inside the source, with `/` between their parts, sorted byte by byte.
    pub(crate) names: Vec<String>,
    /// What else it holds.
    pub(crate) left_out: LeftOut,
    /// Where labels were looked for.
    pub(crate) label_file: Option<LabelFile>,
    /// One for each of `names`.
    pub(crate) labels: Option<Labels>,
    /// 64 hexadecimal digits over all that decides what is read.
    pub(crate) fingerprint: String,
}

impl Listing {
    /// Of `count` pictures without names, which are called by their numbers.
    fn numbered(
        count: usize,
        left_out: LeftOut,
        label_file: Option<LabelFile>,
        labels: Option<Labels>,
        fingerprint: &blake3::Hasher,
    ) -> Self {
        Self {
            names: (0..count).map(|number| format!("{number:08}")).collect(),
            left_out,
            label_file,
            labels,
            fingerprint: fingerprint.finalize().to_hex().to_string(),
        }
    }
}

/// Something that may be a source, as readers look at it.
pub(crate) struct Candidate<'a> {
    pub(crate) path: &'a Path,
    pub(crate) metadata: Metadata,
    /// The first 512 bytes of a file, in which every form of file has its mark.
    pub(crate) head: Vec<u8>,
    /// What a folder holds itself, by names, as much of it as a folder of a special form does.
    pub(crate) inside: Vec<String>,
}

impl<'a> Candidate<'a> {
    fn look(path: &'a Path) -> Result<Self, Error> {
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ErrorKind::NotFound.at(path)),
            Err(e) => return Err(Error::read(path)(e)),
        };
        let mut head = Vec::new();
        // A pipe would be waited for without end.
        if metadata.is_file() {
            let file = File::open(path).map_err(Error::read(path))?;
            file.take(512).read_to_end(&mut head).map_err(Error::read(path))?;
        }
        let mut inside = Vec::new();
        if metadata.is_dir() {
            for entry in fs::read_dir(path).map_err(Error::read(path))?.take(MAX_INSIDE) {
                let name = entry.map_err(Error::read(path))?.file_name();
                // A name that is no text is none that a reader looks for.
                inside.extend(name.into_string().ok());
            }
            inside.sort_unstable();
        }
        Ok(Self { path, metadata, head, inside })
    }

    /// What it is if it is no source, with its article.
    fn kind(&self) -> Option<&'static str> {
        if decode::is_picture(&self.head) { Some(SINGLE_PICTURE) } else { kind::kind(&self.head) }
    }
}

/// A reader in the list of readers.
struct Entry {
    name: &'static str,
    recognizes: fn(&Candidate<'_>) -> bool,
    open: fn(&Path) -> Result<Box<dyn Reader>, Error>,
}

impl Entry {
    const fn of<R: Reader + 'static>(name: &'static str) -> Self {
        Self { name, recognizes: R::recognizes, open: |path| Ok(Box::new(R::open(path)?)) }
    }
}

/// Opens `path` with the first reader that recognizes it.
fn open(path: &Path) -> Result<Box<dyn Reader>, Error> {
    let candidate = Candidate::look(path)?;
    let entry = READERS
        .iter()
        .find(|entry| (entry.recognizes)(&candidate))
        .ok_or_else(|| ErrorKind::NotASource { kind: candidate.kind() }.at(path))?;
    let reader = (entry.open)(path)?;
    let Listing { names, left_out, labels, .. } = reader.listing();
    tracing::info!(
        reader = entry.name,
        path = %path.display(),
        pictures = names.len(),
        ?left_out,
        label_dim = labels.as_ref().map_or(0, Labels::width),
        "source opened"
    );
    Ok(reader)
}
