//! Writes pickles by hand.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// A pickle of these instructions.
pub(crate) fn pickle(instructions: &[&[u8]]) -> Vec<u8> {
    [&b"\x80\x02"[..], &instructions.concat(), b"."].concat()
}

/// Puts a text on the stack.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// Puts a whole number on the stack.
pub(crate) fn int(int: i32) -> Vec<u8> {
    [&b"J"[..], &int.to_le_bytes()].concat()
}

/// Puts a tuple of whole numbers on the stack.
pub(crate) fn ints(ints: &[i32]) -> Vec<u8> {
    let ints: Vec<u8> = ints.iter().flat_map(|&number| int(number)).collect();
    [&b"("[..], &ints, b"t"].concat()
}

/// Puts a dictionary on the stack.
pub(crate) fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> =
        entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [&b"}("[..], &entries, b"u"].concat()
}

/// Puts a tensor of PyTorch on the stack, of the storage `0` with `numbers` numbers.
pub(crate) fn tensor(numbers: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let stored = [
        &b"("[..],
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &int(numbers),
        b"tQ",
    ];
    [
        &b"ctorch._utils\n_rebuild_tensor_v2\n("[..],
        &stored.concat(),
        &int(0),
        &ints(shape),
        &ints(strides),
        b"\x89}tR",
    ]
    .concat()
}

/// Puts a network of the original on the stack.
pub(crate) fn network(version: i32, function: &str) -> Vec<u8> {
    network_with(version, function, &[])
}

/// The same, built with these arguments.
pub(crate) fn network_with(version: i32, function: &str, kwargs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let state = dict(&[
        ("version", int(version)),
        ("static_kwargs", dict(kwargs)),
        ("build_func_name", text(function)),
        ("variables", b"]".to_vec()),
    ]);
    [&b"cdnnlib.tflib.network\nNetwork\n)\x81"[..], &state, b"b"].concat()
}

/// A zip archive of these entries.
pub(crate) fn zip(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A file of PyTorch with this pickle, and one storage.
pub(crate) fn torch(instructions: &[&[u8]], storage: &[u8]) -> Vec<u8> {
    zip(&[("a/data.pkl", &pickle(instructions)), ("a/data/0", storage)], CompressionMethod::Stored)
}

/// The zip archive of a file, with other bytes in some of its entries.
pub(crate) fn rewritten(path: &Path, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut archive = ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        entries.push((name.clone(), change(&name, bytes)));
    }
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    zip(&entries, CompressionMethod::Stored)
}
