//! The rows of Parquet files, a group at a time.
//!
//! Values lie in pages that are packed as a whole, so that a picture cannot be read alone. A group of rows is unpacked once
//! and kept for a while: pictures are asked for in their order, by all threads at about the same place.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::parquet::column::reader::ColumnReader;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::{ParquetError, Result as ParquetResult};
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use bytes::Bytes;
use stylegan_base::printable;

use crate::error::Error;
use crate::shared_file::{SharedFile, read_exact_at};

/// What such a file is called, with its article.
pub(super) const FORM: &str = "a Parquet file";

/// The largest group of rows that is unpacked; data sets of pictures have some hundred megabytes in one.
const MAX_GROUP_BYTES: i64 = 4 << 30;

/// Rows that are taken at once.
const ROWS: usize = 256;

/// One Parquet file.
pub(super) struct Rows {
    reader: SerializedFileReader<Chunks>,
}

/// A file as the library wants to read it: each part at its place, by many threads.
struct Chunks(SharedFile);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<SharedFile>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let mut file = self.0.clone();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(start))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.0.len()) {
            return Err(ParquetError::EOF("a part of it would end after the file does".to_owned()));
        }
        let mut bytes = vec![0; length];
        read_exact_at(self.0.file(), &mut bytes, start)?;
        Ok(bytes.into())
    }
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).and_then(SharedFile::new).map_err(Error::read(path))?;
        let reader = unharmed(|| SerializedFileReader::new(Chunks(file)));
        let rows = Self { reader: reader.map_err(|reason| Error::container(path, FORM, &reason))? };
        for group in rows.metadata().row_groups() {
            let bytes = group.total_byte_size();
            if group.num_rows() < 0 || !(0..=MAX_GROUP_BYTES).contains(&bytes) {
                let reason = format!("a group of its rows has {bytes} bytes; {MAX_GROUP_BYTES} are accepted");
                return Err(Error::container(path, FORM, &reason));
            }
        }
        Ok(rows)
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.reader.metadata()
    }

    /// How many rows a group has.
    pub(super) fn count(&self, group: usize) -> usize {
        // No less than none, as was checked.
        usize::try_from(self.metadata().row_group(group).num_rows()).unwrap_or(usize::MAX)
    }

    /// The bytes of a column in a group of rows; `None` for each row that has none.
    fn bytes(&self, group: usize, column: usize) -> Result<Vec<Option<Bytes>>, String> {
        let all = self.values(group, column, |reader, levels, found: &mut Vec<ByteArray>| match reader {
            ColumnReader::ByteArrayColumnReader(reader) => {
                reader.read_records(ROWS, Some(levels), None, found)
            }
            _ => Err(ParquetError::General("a column of another type".to_owned())),
        })?;
        Ok(all.into_iter().map(|value| value.map(|value| Bytes::copy_from_slice(value.data()))).collect())
    }

    /// The whole numbers of a column in a group of rows.
    pub(super) fn integers(&self, group: usize, column: usize) -> Result<Vec<Option<i64>>, String> {
        self.values(group, column, |reader, levels, found: &mut Vec<i64>| match reader {
            ColumnReader::Int64ColumnReader(reader) => reader.read_records(ROWS, Some(levels), None, found),
            ColumnReader::Int32ColumnReader(reader) => {
                let mut small = Vec::new();
                let read = reader.read_records(ROWS, Some(levels), None, &mut small);
                found.extend(small.into_iter().map(i64::from));
                read
            }
            _ => Err(ParquetError::General("a column of another type".to_owned())),
        })
    }

    /// The values of a column in a group of rows, as many as there are rows; `read` reads some more of them, with their
    /// levels, and returns how many rows it read.
    fn values<T>(
        &self,
        group: usize,
        column: usize,
        read: impl Fn(&mut ColumnReader, &mut Vec<i16>, &mut Vec<T>) -> ParquetResult<(usize, usize, usize)>,
    ) -> Result<Vec<Option<T>>, String> {
        let rows = self.count(group);
        let level_of_values = self.metadata().row_group(group).column(column).column_descr().max_def_level();
        unharmed(|| {
            let mut reader = self.reader.get_row_group(group)?.get_column_reader(column)?;
            let mut all = Vec::new();
            loop {
                let (mut levels, mut found) = (Vec::new(), Vec::new());
                let (count, ..) = read(&mut reader, &mut levels, &mut found)?;
                if count == 0 {
                    break;
                }
                let mut found = found.into_iter();
                if level_of_values == 0 {
                    all.extend(found.by_ref().take(count).map(Some));
                } else {
                    let is_there = levels.iter().take(count).map(|&level| level == level_of_values);
                    all.extend(is_there.map(|is_there| if is_there { found.next() } else { None }));
                }
                if all.len() > rows {
                    break;
                }
            }
            if all.len() == rows {
                Ok(all)
            } else {
                Err(ParquetError::General(format!("a column has other than {rows} values in {rows} rows")))
            }
        })
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// Runs what a hostile file may make panic: the library checks most of what it reads, but not all.
fn unharmed<T>(work: impl FnOnce() -> ParquetResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| printable(&error.to_string())),
        Err(_) => Err("it is damaged".to_owned()),
    }
}

/// The pictures of a group of rows.
type Group = Arc<OnceLock<Result<Vec<Option<Bytes>>, String>>>;

/// The groups of rows that were unpacked last.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<VecDeque<((usize, usize), Group)>>);

impl Cache {
    /// Picture number `row` in a group of rows.
    pub(super) fn picture(
        &self,
        files: &[Rows],
        (file, group): (usize, usize),
        column: usize,
        row: usize,
    ) -> Result<Bytes, String> {
        let unpacked = self.group((file, group));
        // One thread unpacks it, and those that want it as well wait.
        match unpacked.get_or_init(|| files[file].bytes(group, column)) {
            Ok(pictures) => {
                pictures.get(row).cloned().flatten().ok_or_else(|| "there is no picture".to_owned())
            }
            Err(reason) => Err(reason.clone()),
        }
    }

    fn group(&self, number: (usize, usize)) -> Group {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = groups.iter().find(|(known, _)| *known == number).map(|(_, group)| group.clone());
        known.unwrap_or_else(|| {
            // Each thread may be at another one, and all at the next soon.
            while groups.len() > rayon::current_num_threads() {
                groups.pop_front();
            }
            let group = Group::default();
            groups.push_back((number, group.clone()));
            group
        })
    }
}
