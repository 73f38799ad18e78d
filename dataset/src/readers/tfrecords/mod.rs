//! `TFRecord` files of the original: raw pixels, one file for each side.
//!
//! A data set is a folder of `NAME-r10.tfrecords`, `NAME-r09.tfrecords`, … down to 4x4 pixels, and `NAME-rxx.labels`. As in
//! the original, it is what the files hold that tells their sides, not their names. Records are found by going from header
//! to header, so that files of any size open in a moment, and their checksums are compared when they are read.

mod example;
mod labels;
mod records;

use std::fs;
use std::path::{Path, PathBuf};

use stylegan_base::{Resolution, printable};

pub(crate) use example::Planes;
pub(crate) use records::write_record;

use super::decode::Decoded;
use super::picture_files::has_extension;
use super::{Candidate, Listing, Reader, dataset_json};
use crate::error::{Error, ErrorKind};
use crate::found_labels::{LabelFile, LabelFileState};
use crate::labels::Labels;
use crate::left_out::LeftOut;
use records::{FORM, Records};

/// How the names of such files end.
const ENDINGS: [&str; 2] = ["tfrecords", "tfrecord"];

#[derive(Debug)]
pub(super) struct TfRecords {
    /// From the largest down.
    sides: Vec<Side>,
    listing: Listing,
}

/// All pictures at one side.
#[derive(Debug)]
struct Side {
    path: PathBuf,
    records: Records,
    /// Channels, height and width of the first, as a rule those of all.
    shape: [u32; 3],
}

impl Reader for TfRecords {
    /// Whether it begins with a record, or is a folder of such files by their names.
    fn recognizes(Candidate { path, head, inside, .. }: &Candidate<'_>) -> bool {
        Records::recognizes(head)
            || has_extension(path, &ENDINGS)
            || inside.iter().any(|name| has_extension(Path::new(name), &ENDINGS))
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let mut left_out = LeftOut::default();
        let mut label_files = Vec::new();
        let mut sides = Vec::new();
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(Error::read(path))? {
                let file = entry.map_err(Error::read(path))?.path();
                if has_extension(&file, &ENDINGS) {
                    sides.push(Side::open(file)?);
                } else if has_extension(&file, &[labels::ENDING]) {
                    label_files.push(file);
                } else if file.is_file() {
                    left_out.add_file(&file.file_name().unwrap_or_default().to_string_lossy());
                }
            }
        } else {
            label_files.extend(label_file_of(path).filter(|file| file.is_file()));
            sides.push(Side::open(path.to_owned())?);
        }
        sides.sort_by(|a, b| b.longer().cmp(&a.longer()).then_with(|| a.path.cmp(&b.path)));
        check_sides(path, &sides)?;
        let Some(full) = sides.first() else {
            return Err(ErrorKind::NoPictures { left_out: Box::new(left_out) }.at(path));
        };

        let count = full.records.len();
        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan TFRecords of pictures v1");
        for side in &sides {
            side.records.hash(&mut fingerprint);
        }
        let label_file = the_label_file(label_files, &full.path);
        let (label_file, labels) = match &label_file {
            Some(file) => read_labels(file, count, &mut fingerprint),
            None => (None, None),
        };
        let listing = Listing::numbered(count, left_out, label_file, labels, &fingerprint);
        Ok(Self { sides, listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        self.sides[0].records.read(index)
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = self.bytes(index)?;
        bytes.truncate(length.try_into().unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn dimensions(&self, index: usize) -> Result<(u32, u32), String> {
        let Side { records, shape, .. } = &self.sides[0];
        // A record of another length holds another number of pixels.
        let [_, height, width] = if records.length(index) == records.length(0) {
            *shape
        } else {
            Planes::from_record(&records.read(index)?)?.shape
        };
        Ok((width, height))
    }

    fn decode(&self, index: usize, resolution: Resolution) -> Result<Decoded, String> {
        let is_large_enough = |kept: &&Side| {
            let Resolution { width, height } = kept.resolution();
            width >= resolution.width && height >= resolution.height
        };
        self.sides.iter().rfind(is_large_enough).unwrap_or(&self.sides[0]).decode(index)
    }

    fn copy_at(&self, index: usize, level: Resolution) -> Option<Result<Decoded, String>> {
        self.sides.iter().find(|kept| kept.resolution() == level).map(|kept| kept.decode(index))
    }
}

impl Side {
    fn open(path: PathBuf) -> Result<Self, Error> {
        let records = Records::open(&path)?;
        if records.len() == 0 {
            return Err(Error::container(&path, FORM, "it holds no records"));
        }
        let first = records.read(0).and_then(|record| Planes::from_record(&record));
        let first = first.map_err(|reason| {
            Error::container(&path, FORM, &format!("its first record is no picture: {reason}"))
        })?;
        Ok(Self { shape: first.shape, path, records })
    }

    fn longer(&self) -> u32 {
        let [_, height, width] = self.shape;
        height.max(width)
    }

    fn resolution(&self) -> Resolution {
        let [_, height, width] = self.shape.map(|length| length as usize);
        Resolution { width, height }
    }

    fn decode(&self, index: usize) -> Result<Decoded, String> {
        let Planes { shape, data } = Planes::from_record(&self.records.read(index)?)?;
        Decoded::from_planes(shape, &data)
    }

    fn shown(&self) -> String {
        let [channels, height, width] = self.shape;
        format!("{channels}x{height}x{width}")
    }

    fn name(&self) -> String {
        printable(&self.path.file_name().unwrap_or_default().to_string_lossy())
    }
}

/// Refuses files, sorted by their sides, that are not of the same pictures at sides of which each is half of another.
fn check_sides(path: &Path, sides: &[Side]) -> Result<(), Error> {
    let Some((full, others)) = sides.split_first() else { return Ok(()) };
    if let Some([a, b]) = sides.array_windows().find(|[a, b]| a.longer() == b.longer()) {
        let reason = format!(
            "`{}` and `{}` hold pictures of the same side, so that they are two data sets",
            a.name(),
            b.name()
        );
        return Err(Error::container(path, "a folder of TFRecord files", &reason));
    }
    for side in others {
        let is_half = (1..32).any(|halvings| {
            let [channels, height, width] = full.shape;
            side.shape == [channels, height >> halvings, width >> halvings]
        });
        let (count, expected) = (side.records.len(), full.records.len());
        let reason = if !is_half {
            format!(
                "its pictures are {}, no halves of the {} of `{}`",
                side.shown(),
                full.shown(),
                full.name()
            )
        } else if count != expected {
            format!("it holds {count} pictures, and `{}` {expected}", full.name())
        } else {
            continue;
        };
        return Err(Error::container(&side.path, FORM, &reason));
    }
    Ok(())
}

/// The file of labels beside a file `NAME-rNN.tfrecords`.
fn label_file_of(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    let name = stem.rsplit_once("-r").map_or(stem, |(name, _)| name);
    Some(path.with_file_name(format!("{name}-rxx.{}", labels::ENDING)))
}

/// The one of the files of labels that is meant: the only one, or that of the pictures' name.
fn the_label_file(mut files: Vec<PathBuf>, pictures: &Path) -> Option<PathBuf> {
    if files.len() <= 1 { files.pop() } else { label_file_of(pictures).filter(|file| files.contains(file)) }
}

fn read_labels(
    file: &Path,
    count: usize,
    fingerprint: &mut blake3::Hasher,
) -> (Option<LabelFile>, Option<Labels>) {
    let bytes = super::folder::read_file(file, dataset_json::MAX_BYTES, true).inspect(|bytes| {
        fingerprint.update(b"labels").update(bytes);
    });
    let (state, labels) = match bytes.and_then(|bytes| labels::parse(&bytes, count)) {
        Ok(None) => (LabelFileState::Empty, None),
        Ok(labels) => (LabelFileState::Read { strangers: 0 }, labels),
        Err(reason) => (LabelFileState::Faulty { reason }, None),
    };
    let name = printable(&file.file_name().unwrap_or_default().to_string_lossy());
    (Some(LabelFile { name, state }), labels)
}
