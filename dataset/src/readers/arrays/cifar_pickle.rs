//! The Python version of CIFAR: a pickle for each batch, which is read and not run.
//!
//! A batch is a dictionary with `data`, an array of NumPy `[pictures, 3072]`, and `labels`, or `fine_labels` of CIFAR-100.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use stylegan_base::printable;
use stylegan_pickle::{Class, Item, Pickle, Span, Value};

use super::MAX_BYTES;
use crate::readers::picture_files::system_reason;
use crate::shared_file::read_exact_at;

/// 3x32x32 pixels.
pub(super) const PICTURE_BYTES: usize = 3 * 32 * 32;

/// Under which a batch keeps its classes, and the file beside it what they are called.
const CLASSES: [&str; 2] = ["labels", "fine_labels"];
const NAMES: [&str; 2] = ["label_names", "fine_label_names"];

/// The pixels and the classes of a batch, one after the other.
pub(super) fn read_batch(path: &Path) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (file, pickle) = open(path)?;
    let root = pickle.root();
    let (count, Span { at, length }) = root
        .get("data")
        .and_then(pixels)
        .ok_or_else(|| format!("it has no `data`, an array of bytes `[pictures, {PICTURE_BYTES}]`"))?;
    let classes = CLASSES.iter().find_map(|key| root.get(key)).and_then(Item::sizes);
    let classes: Option<Vec<u8>> =
        classes.and_then(|classes| classes.into_iter().map(|class| class.try_into().ok()).collect());
    let classes = classes.filter(|classes| classes.len() == count);
    let classes = classes.ok_or_else(|| format!("it has no `labels` of its {count} pictures"))?;
    if length > MAX_BYTES {
        return Err(format!("it holds {length} bytes of pixels; {MAX_BYTES} are accepted"));
    }
    // In the file, as the pickle was read to its end.
    let mut planes = vec![0; length as usize];
    read_exact_at(&file, &mut planes, at).map_err(|e| system_reason(&e))?;
    Ok((planes, classes))
}

/// What the classes are called, by the file beside the batches; none if it does not tell.
pub(super) fn read_names(path: &Path) -> Vec<String> {
    let Ok((_, pickle)) = open(path) else { return Vec::new() };
    let names = NAMES.iter().find_map(|key| pickle.root().get(key)).and_then(Item::items);
    let names = names.and_then(|names| names.into_iter().map(|name| name.text().map(printable)).collect());
    names.unwrap_or_default()
}

fn open(path: &Path) -> Result<(File, Pickle), String> {
    let file = File::open(path).map_err(|e| system_reason(&e))?;
    let length = file.metadata().map_err(|e| system_reason(&e))?.len();
    let pickle =
        Pickle::read(&mut BufReader::new(&file), 0, length).map_err(|e| printable(&e.to_string()))?;
    Ok((file, pickle))
}

/// How many pictures an array holds, and where.
fn pixels(array: Item<'_>) -> Option<(usize, Span)> {
    let (Class::Reconstruct, _, Some(state)) = array.object()? else { return None };
    // Version, shape, type, whether the first axis is fastest, bytes.
    let &[_, shape, dtype, columns_first, data] = &state.items()?[..] else { return None };
    let &[count, PICTURE_BYTES] = &shape.sizes()?[..] else { return None };
    let (Class::DType, arguments, _) = dtype.object()? else { return None };
    let Value::Bytes(span) = data.value() else { return None };
    let is_of_bytes = arguments.items()?.first()?.text() == Some("u1") && columns_first.int() == Some(0);
    let is_whole = count.checked_mul(PICTURE_BYTES).is_some_and(|bytes| bytes as u64 == span.length);
    (is_of_bytes && is_whole).then_some((count, *span))
}
