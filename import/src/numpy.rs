//! `NumPy` arrays and numbers in pickles.

use crate::pickle::{Class, Item, Number, Value};
use stylegan_arrays::Array;
use stylegan_arrays::{Stored, letters_to_bytes};

/// The array or number that a value is.
///
/// # Errors
/// What is wrong with it, to be continued after its name.
pub(crate) fn array(item: Item<'_>) -> Result<Array, String> {
    let missing = || "is no array of numbers".to_owned();
    let Some((class, arguments, state)) = item.object() else { return Err(missing()) };
    let arguments = arguments.items().unwrap_or_default();
    let (shape, dtype, columns_first, data) = match (class, state.and_then(Item::items)) {
        (Class::Reconstruct, Some(state)) => match state[..] {
            // Version, shape, type, whether the first axis is fastest, bytes.
            [_, shape, dtype, columns_first, data] => {
                (shape.sizes(), dtype, columns_first.int() == Some(1), data)
            }
            _ => return Err(missing()),
        },
        (Class::FromBuffer, _) => match arguments[..] {
            [data, dtype, shape, order] => (shape.sizes(), dtype, order.text() == Some("F"), data),
            _ => return Err(missing()),
        },
        (Class::Scalar, _) => match arguments[..] {
            [dtype, data] => (Some(Vec::new()), dtype, false, data),
            _ => return Err(missing()),
        },
        _ => return Err(missing()),
    };
    let number = number(dtype)?;
    let (Some(shape), Some(stored)) = (shape, bytes(data)) else { return Err(missing()) };
    Array::dense(number, shape, columns_first, stored)
        .ok_or_else(|| "has fewer bytes than numbers".to_owned())
}

/// Where bytes are: bytes as they are, a string of Python 2, or letters to be encoded.
fn bytes(item: Item<'_>) -> Option<Stored> {
    match item.value() {
        Value::Bytes(span) => Some(Stored::File(*span)),
        Value::Text(text) => Some(Stored::Short(text.as_bytes().into())),
        Value::Object { class: Class::Encode, .. } => {
            let arguments = item.object()?.1.items()?;
            let [text, encoding] = arguments[..] else { return None };
            if !matches!(encoding.text()?, "latin1" | "latin-1") {
                return None;
            }
            match text.value() {
                Value::Text(text) => Some(Stored::Short(letters_to_bytes(text)?.into())),
                Value::LongText(span) => Some(Stored::Letters(*span)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn number(dtype: Item<'_>) -> Result<Number, String> {
    let Some((Class::DType, arguments, state)) = dtype.object() else {
        return Err("has no type".to_owned());
    };
    let name = arguments.items().and_then(|arguments| arguments.first()?.text()).unwrap_or("?");
    // Version, byte order, and what only compound types have.
    let order = state.and_then(Item::items).and_then(|state| state.get(1)?.text()).unwrap_or("=");
    if order == ">" {
        return Err(format!("has numbers of type `{name}` with the highest byte first, which are not read"));
    }
    Ok(match name {
        "f8" => Number::F64,
        "f4" => Number::F32,
        "f2" => Number::F16,
        "i8" => Number::I64,
        "i4" => Number::I32,
        "i2" => Number::I16,
        "i1" => Number::I8,
        "u1" => Number::U8,
        "b1" => Number::Bool,
        _ => return Err(format!("has numbers of type `{name}`, which are not read")),
    })
}
