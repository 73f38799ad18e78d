//! `NAME-rxx.labels`, an array of NumPy with a row for each picture.

use stylegan_base::NumpyArray;

use crate::labels::Labels;

/// How the file's name ends.
pub(super) const ENDING: &str = "labels";

/// The numbers of labels, each with its bytes.
const ACCEPTED: [(&str, usize); 8] =
    [("<f4", 4), ("<f8", 8), ("<i4", 4), ("<i8", 8), ("<u4", 4), ("|u1", 1), ("|i1", 1), ("|b1", 1)];

/// A thousand numbers for each of a hundred thousand pictures.
const MAX_NUMBERS: usize = 1 << 27;

/// The labels of `count` pictures; `None` if they have no numbers.
///
/// Rows with a one among zeros are classes, as in the original's data sets; so is a single whole number for each picture.
pub(super) fn parse(bytes: &[u8], count: usize) -> Result<Option<Labels>, String> {
    let array = NumpyArray::parse(bytes, &ACCEPTED).map_err(|reason| format!("cannot be read: {reason}"))?;
    let width = match array.shape[..] {
        [rows] | [rows, _] if rows != count => return Err(format!("has {rows} labels for {count} pictures")),
        [_] => None,
        [_, 0] => return Ok(None),
        [_, width] => Some(width),
        _ => return Err(format!("has {} axes, not pictures and numbers", array.shape.len())),
    };
    if array.columns_first && width.is_some_and(|width| width > 1) {
        return Err("is ordered by columns".into());
    }
    if count.saturating_mul(width.unwrap_or(1)) > MAX_NUMBERS {
        return Err(format!("has more than {MAX_NUMBERS} numbers"));
    }
    let numbers = numbers(array.number, array.data);
    let labels = match width {
        None => classes(&numbers)?,
        Some(width) => match one_hot(&numbers, width) {
            Some(indices) => Labels::Classes { count: width, indices, names: Vec::new() },
            None => Labels::Vectors { width, values: numbers.iter().map(|&value| value as f32).collect() },
        },
    };
    labels.validate(count)?;
    Ok(Some(labels))
}

fn numbers(number: &str, data: &[u8]) -> Vec<f64> {
    match number {
        "<f4" => data.as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect(),
        "<f8" => data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect(),
        "<i4" => data.as_chunks().0.iter().map(|&bytes| f64::from(i32::from_le_bytes(bytes))).collect(),
        "<u4" => data.as_chunks().0.iter().map(|&bytes| f64::from(u32::from_le_bytes(bytes))).collect(),
        "<i8" => data.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes) as f64).collect(),
        "|i1" => data.iter().map(|&byte| f64::from(byte.cast_signed())).collect(),
        _ => data.iter().map(|&byte| f64::from(byte)).collect(),
    }
}

/// Where the one is in each row, if all rows have one among zeros.
fn one_hot(numbers: &[f64], width: usize) -> Option<Vec<u32>> {
    let class_of = |row: &[f64]| {
        let class = row.iter().position(|&value| value != 0.0)?;
        let is_alone = row[class] == 1.0 && row[class + 1..].iter().all(|&value| value == 0.0);
        is_alone.then_some(class as u32)
    };
    // A single number that is always one tells nothing of classes.
    if width == 1 { None } else { numbers.chunks_exact(width).map(class_of).collect() }
}

fn classes(numbers: &[f64]) -> Result<Labels, String> {
    let class_of = |&class: &f64| {
        let is_class = class >= 0.0 && class.fract() == 0.0 && class < f64::from(u32::MAX);
        is_class
            .then_some(class as u32)
            .ok_or_else(|| format!("has the class {class}; classes are whole numbers from 0"))
    };
    let indices = numbers.iter().map(class_of).collect::<Result<Vec<u32>, _>>()?;
    let count = indices.iter().max().map_or(0, |&max| max as usize + 1);
    Ok(Labels::Classes { count, indices, names: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn floats(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn rows_with_a_one_among_zeros_are_classes() {
        let file = array("<f4", "(3, 2)", &floats(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]));
        let classes = Labels::Classes { count: 2, indices: vec![1, 0, 1], names: vec![] };
        assert_eq!(parse(&file, 3), Ok(Some(classes.clone())));
        for (descr, data) in [("|u1", vec![1, 0, 1]), ("<i8", [1_i64, 0, 1].map(i64::to_le_bytes).concat())] {
            assert_eq!(parse(&array(descr, "(3,)", &data), 3), Ok(Some(classes.clone())));
        }
    }

    #[test]
    fn other_rows_are_numbers() {
        for values in [[0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.0, 2.0, 1.0, 0.0]] {
            let file = array("<f4", "(2, 2)", &floats(&values));
            assert_eq!(parse(&file, 2), Ok(Some(Labels::Vectors { width: 2, values: values.to_vec() })));
        }
        let ones = array("<f4", "(2, 1)", &floats(&[1.0; 2]));
        assert_eq!(parse(&ones, 2), Ok(Some(Labels::Vectors { width: 1, values: vec![1.0; 2] })));
        assert_eq!(parse(&array("<f4", "(2, 0)", &[]), 2), Ok(None));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let of = |descr: &str, shape: &str, data: &[u8]| parse(&array(descr, shape, data), 2).unwrap_err();
        assert_eq!(of("<f4", "(3, 1)", &[0; 12]), "has 3 labels for 2 pictures");
        assert_eq!(of("<f4", "(2, 1, 1)", &[0; 8]), "has 3 axes, not pictures and numbers");
        assert_eq!(of("<f4", "(2, 1)", &floats(&[f32::NAN, 0.0])), "has a label out of range");
        assert_eq!(of("|i1", "(2,)", &[0xff, 0]), "has the class -1; classes are whole numbers from 0");
        assert_eq!(
            of("<i4", "(2,)", &[0, 0, 0, 0x7f, 0, 0, 0, 0]),
            "has labels of 2130706433 numbers; from 1 to 65536 are accepted"
        );
        assert_eq!(
            of("<c8", "(2,)", &[0; 16]).split(',').next().unwrap(),
            "cannot be read: its numbers are of type `<c8`"
        );
        assert_eq!(parse(b"{}", 2).unwrap_err(), "cannot be read: it is no array");
    }
}
