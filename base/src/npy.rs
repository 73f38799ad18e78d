//! Arrays of `NumPy`, as `numpy.save` writes them.

/// The longest description of an array that is read; those of plain numbers take a line.
const MAX_HEADER_BYTES: usize = 1 << 12;

/// An array of numbers, taken apart but not copied.
#[derive(Debug)]
pub struct NumpyArray<'a> {
    /// The type of its numbers in NumPy's words, one of those that were accepted.
    pub number: &'static str,
    /// How many there are along each axis.
    pub shape: Vec<usize>,
    /// Whether the first axis is fastest, as in Fortran.
    pub columns_first: bool,
    /// The numbers, as many bytes as the shape needs.
    pub data: &'a [u8],
}

impl<'a> NumpyArray<'a> {
    /// Takes a file apart: its signature, its version, the length of its header, the header as a Python dictionary, the
    /// numbers. They are of one of the types `accepted`, each with the bytes of a number.
    ///
    /// # Errors
    /// What is wrong with it, in words. Nothing is unpickled.
    pub fn parse(bytes: &'a [u8], accepted: &[(&'static str, usize)]) -> Result<Self, String> {
        let cut = || "it is cut short".to_owned();
        let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it is no array")?;
        let (&[major, _minor], rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let (length, rest) = if major == 1 {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        } else {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (u32::from_le_bytes(*length) as usize, rest)
        };
        if !(1..=3).contains(&major) || length > MAX_HEADER_BYTES {
            return Err("its header is not understood".to_owned());
        }
        let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
        let header = std::str::from_utf8(header).map_err(|_| "its header is not understood")?;
        let Header { number: (number, number_bytes), columns_first, shape } = describe(header, accepted)?;
        let count = shape.iter().try_fold(number_bytes, |count, &size| count.checked_mul(size));
        match count.and_then(|count| data.get(..count)) {
            Some(data) => Ok(Self { number, shape, columns_first, data }),
            None => Err(cut()),
        }
    }
}

struct Header {
    number: (&'static str, usize),
    columns_first: bool,
    shape: Vec<usize>,
}

/// Type, order and shape from a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 512), }`.
fn describe(header: &str, accepted: &[(&'static str, usize)]) -> Result<Header, String> {
    let value = |key: &str| {
        let (_, value) = header.split_once(&format!("'{key}':"))?;
        Some(value.trim_start())
    };
    let missing = || "its header is not understood".to_owned();
    let descr = value("descr").ok_or_else(missing)?;
    let name =
        descr.strip_prefix('\'').and_then(|descr| descr.split_once('\'')).map_or("?", |(name, _)| name);
    if name == "|O" {
        return Err("it holds Python objects, not numbers".to_owned());
    }
    let number = accepted.iter().find(|(accepted, _)| *accepted == name).ok_or_else(|| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(20).collect();
        let accepted: Vec<String> = accepted.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("its numbers are of type `{name}`, not {}", one_of(&accepted))
    })?;
    let columns_first = value("fortran_order").ok_or_else(missing)?.starts_with("True");
    let shape =
        value("shape").and_then(|shape| shape.strip_prefix('(')?.split_once(')')).ok_or_else(missing)?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    // Python 2 writes long numbers with an L.
    let sizes = sizes.map(|size| size.trim_end_matches('L').parse().map_err(|_| missing()));
    Ok(Header { number: *number, columns_first, shape: sizes.collect::<Result<_, _>>()? })
}

/// `a, b or c`.
fn one_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} or {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOATS: [(&str, usize); 3] = [("<f2", 2), ("<f4", 4), ("<f8", 8)];

    /// The file of an array.
    fn written(descr: &str, columns_first: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if columns_first { "True" } else { "False" };
        let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn an_array_is_taken_apart() {
        let file = written("'<f4'", true, "(2L, 3)", &[7; 26]);
        let array = NumpyArray::parse(&file, &FLOATS).unwrap();
        assert_eq!((array.number, array.columns_first, array.shape), ("<f4", true, vec![2, 3]));
        assert_eq!(array.data, [7; 24]);
    }

    #[test]
    fn what_is_no_array_of_numbers_says_why() {
        let reason = |bytes: &[u8]| NumpyArray::parse(bytes, &FLOATS).unwrap_err();
        let of = |descr: &str, shape: &str| reason(&written(descr, false, shape, &[0; 24]));
        assert_eq!(of("'|O'", "(6,)"), "it holds Python objects, not numbers");
        assert_eq!(of("'>f4'", "(6,)"), "its numbers are of type `>f4`, not `<f2`, `<f4` or `<f8`");
        assert_eq!(of("[('x', '<f4')]", "(6,)"), "its numbers are of type `?`, not `<f2`, `<f4` or `<f8`");
        assert_eq!(of("'<f4'", "(7,)"), "it is cut short");
        assert_eq!(of("'<f4'", "(18446744073709551615, 2)"), "it is cut short");
        for shape in ["(-1,)", "(a,)", "(99999999999999999999,)", "6"] {
            assert_eq!(of("'<f4'", shape), "its header is not understood");
        }
        let whole = written("'<f4'", false, "(2, 3)", &[0; 24]);
        for end in 0..whole.len() {
            reason(&whole[..end]);
        }
        let mut long = b"\x93NUMPY\x02\0".to_vec();
        long.extend(u32::MAX.to_le_bytes());
        assert_eq!(reason(&long), "its header is not understood");
    }
}
