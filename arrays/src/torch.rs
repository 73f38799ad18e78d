//! Files of PyTorch: a zip archive of a pickle and of storages, as `TorchScript` writes it too, or the older stream of pickles
//! and storages.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::Path;

use stylegan_base::FileKind;
use stylegan_pickle::{Class, Fault, Item, Number, Pickle, Span};

use crate::array::Array;
use crate::store::{Store, Stored};
use crate::{ErrorKind, Result};

/// What an older file starts with: a pickle of a number that stands for nothing else.
pub const LEGACY_START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// The pickle of an archive, at most.
const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// A file of PyTorch: what was saved, and where its numbers are.
#[derive(Debug)]
pub struct Torch {
    /// What was saved.
    pub pickle: Pickle,
    storages: HashMap<String, Stored>,
}

impl Torch {
    /// Opens a file in whichever of both forms it is.
    ///
    /// # Errors
    /// If it is in neither, is damaged, or asks for a class that no network needs.
    pub fn open(store: &mut Store) -> Result<Self> {
        let mut start = Vec::new();
        let read = |source| ErrorKind::Read(source);
        let limit = LEGACY_START.len() as u64;
        let result = store.reader()?.take(limit).read_to_end(&mut start);
        result.map_err(|source| store.error(read(source)))?;
        match FileKind::of(&start) {
            Some(FileKind::Zip) => Self::open_zip(store),
            _ if start == LEGACY_START => Self::open_legacy(store),
            found => Err(store.error(ErrorKind::OtherKind { found })),
        }
    }

    /// Reads the pickle of an archive.
    ///
    /// # Errors
    /// If it is no archive of PyTorch's, is damaged, or asks for a class that no network needs.
    pub fn open_zip(store: &mut Store) -> Result<Self> {
        let names = store.open_archive()?;
        let data = names.iter().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
        let Some(data) = data else {
            let of_numpy = !names.is_empty()
                && names.iter().all(|name| Path::new(name).extension().is_some_and(|ending| ending == "npy"));
            let found = Some(if of_numpy { FileKind::Numpy } else { FileKind::Zip });
            return Err(store.error(ErrorKind::OtherKind { found }));
        };
        let limit = MAX_PICKLE_BYTES.min(store.limit_bytes());
        let folder = data.strip_suffix("data.pkl").unwrap_or_default();
        let mut read = |name: &str, limit| match store.entry(name) {
            Some(Stored::Entry { index, .. }) => store.entry_bytes(index, limit).map(Some),
            _ => Ok(None),
        };
        if read(&format!("{folder}byteorder"), 16)?.is_some_and(|order| order != b"little") {
            return Err(store.unsound(BIG_ENDIAN.to_owned()));
        }
        let bytes = read(data, limit)?.unwrap_or_default();
        let length = bytes.len() as u64;
        let pickle =
            Pickle::read(&mut Cursor::new(bytes), 0, length).map_err(|fault| refusal(store, fault))?;
        let place = format!("{folder}data/");
        let storages = names.iter().filter_map(|name| {
            let key = name.strip_prefix(&place)?;
            Some((key.to_owned(), store.entry(name)?))
        });
        let storages = storages.collect();
        Ok(Self { pickle, storages })
    }

    /// Reads the pickles of a stream, and where its storages are.
    ///
    /// # Errors
    /// If it is cut short, is damaged, or asks for a class that no network needs.
    pub fn open_legacy(store: &mut Store) -> Result<Self> {
        let length = store.length();
        let mut input = store.reader()?;
        let read = |input: &mut _, at| Pickle::read(input, at, length);
        let mut stream = || -> Result<_, Fault> {
            let magic = read(&mut input, 0)?;
            let version = read(&mut input, magic.end)?;
            let system = read(&mut input, version.end)?;
            let pickle = read(&mut input, system.end)?;
            let keys = read(&mut input, pickle.end)?;
            if system.root().get("little_endian").and_then(Item::int) == Some(0) {
                return Err(Fault::Excess(format!("cannot be read: {BIG_ENDIAN}")));
            }
            // The sizes of numbers stand where storages are named.
            let sizes: HashMap<&str, usize> = pickle
                .all()
                .filter_map(|item| {
                    storage(item.persistent()?).map(|(key, number)| (key, number.size_bytes()))
                })
                .collect();
            let mut storages = HashMap::new();
            let mut at = keys.end;
            for key in keys.root().items().unwrap_or_default() {
                let mut count = [0; 8];
                input.read_exact(&mut count).map_err(|_| Fault::Truncated { at })?;
                let key = key.text().unwrap_or_default();
                let size = sizes.get(key).copied().unwrap_or(1) as u64;
                let bytes = u64::from_le_bytes(count).saturating_mul(size);
                at += 8;
                if bytes > length.saturating_sub(at) {
                    return Err(Fault::Truncated { at: length });
                }
                storages.insert(key.to_owned(), Stored::File(Span { at, length: bytes }));
                input.seek_relative(bytes as i64)?;
                at += bytes;
            }
            Ok((pickle, storages))
        };
        let (pickle, storages) = stream().map_err(|fault| refusal(store, fault))?;
        Ok(Self { pickle, storages })
    }

    /// All tensors by their places: the keys and attributes on the way to each, with dots between them.
    ///
    /// The submodules of a program are followed as dictionaries in one another are. Of a name that comes twice the last counts,
    /// as in Python; both are given.
    pub fn named_tensors(&self) -> Vec<(String, Item<'_>)> {
        let mut found = Vec::new();
        // No deeper than pickles are.
        let mut open = vec![(String::new(), self.pickle.root())];
        while let Some((place, item)) = open.pop() {
            if is_tensor(item) {
                found.push((place, item));
                continue;
            }
            let inner = match item.object() {
                Some((Class::Module, _, Some(state))) => state,
                _ => item,
            };
            for (name, item) in inner.entries().into_iter().flatten().rev() {
                let separator = if place.is_empty() { "" } else { "." };
                open.push((format!("{place}{separator}{name}"), item));
            }
        }
        found
    }

    /// Whether it is a program of `TorchScript`.
    pub fn is_program(&self) -> bool {
        matches!(self.pickle.root().object(), Some((Class::Module, ..)))
    }

    /// The tensor or parameter that a value is.
    ///
    /// # Errors
    /// What is wrong with it, to be continued after its name.
    pub fn array(&self, item: Item<'_>) -> std::result::Result<Array, String> {
        let missing = || "is no tensor".to_owned();
        let (class, arguments) = parts(item).ok_or_else(missing)?;
        let (class, arguments) = match (class, arguments.first()) {
            (Class::Parameter, Some(tensor)) => parts(*tensor).ok_or_else(missing)?,
            _ => (class, arguments),
        };
        let (Class::Tensor, [stored, offset, shape, strides, ..]) = (class, &arguments[..]) else {
            return Err(missing());
        };
        let (key, number) = stored.persistent().and_then(storage).ok_or_else(missing)?;
        let (Some(offset), Some(shape), Some(strides)) = (offset.size(), shape.sizes(), strides.sizes())
        else {
            return Err(missing());
        };
        let stored =
            self.storages.get(key).ok_or_else(|| format!("is in the storage `{key}`, which is missing"))?;
        Array::strided(number, shape, strides, offset, stored.clone())
            .ok_or_else(|| "reaches beyond its storage".to_owned())
    }
}

/// A pickle was refused; what the system could not read is told as such.
fn refusal(store: &Store, fault: Fault) -> crate::Error {
    store.error(match fault {
        Fault::Read(source) => ErrorKind::Read(source),
        fault => ErrorKind::Pickle(fault),
    })
}

const BIG_ENDIAN: &str = "it was written by a machine that puts the highest byte first";

/// Whether a value is a tensor or a parameter.
pub fn is_tensor(item: Item<'_>) -> bool {
    matches!(item.object(), Some((Class::Tensor | Class::Parameter, ..)))
}

fn parts(item: Item<'_>) -> Option<(Class, Vec<Item<'_>>)> {
    let (class, arguments, _) = item.object()?;
    Some((class, arguments.items()?))
}

/// Key and type of a storage from the name that it has in a pickle: "storage", type, key, device, size, and in older
/// files which part of another storage it is.
fn storage(name: Item<'_>) -> Option<(&str, Number)> {
    let name = name.items()?;
    let [kind, class, key, _, _, view @ ..] = &name[..] else { return None };
    let Class::Storage(number) = class.class()? else { return None };
    let is_whole = view.iter().all(|view| view.is_none());
    (kind.text() == Some("storage") && is_whole).then_some((key.text()?, number))
}
