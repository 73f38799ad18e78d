//! A picture as a record: a protobuf message `tf.train.Example` with the features `shape` and `data`.
//!
//! Names and numbers are those of TensorFlow's `example.proto` and `feature.proto`, as far as pictures need them.

use std::collections::BTreeMap;

use prost::{Message, Oneof};
use stylegan_base::printable;

/// `tf.train.Example`
#[derive(Clone, PartialEq, Message)]
struct Example {
    #[prost(message, optional, tag = "1")]
    features: Option<Features>,
}

/// `tf.train.Features`
#[derive(Clone, PartialEq, Message)]
struct Features {
    #[prost(btree_map = "string, message", tag = "1")]
    feature: BTreeMap<String, Feature>,
}

/// `tf.train.Feature`
#[derive(Clone, PartialEq, Message)]
struct Feature {
    #[prost(oneof = "Values", tags = "1, 3")]
    values: Option<Values>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Values {
    #[prost(message, tag = "1")]
    Bytes(BytesList),
    #[prost(message, tag = "3")]
    Integers(Int64List),
}

/// `tf.train.BytesList`
#[derive(Clone, PartialEq, Message)]
struct BytesList {
    #[prost(bytes = "vec", repeated, tag = "1")]
    value: Vec<Vec<u8>>,
}

/// `tf.train.Int64List`
#[derive(Clone, PartialEq, Message)]
struct Int64List {
    #[prost(int64, repeated, tag = "1")]
    value: Vec<i64>,
}

/// Channels, height and width of a picture, and its pixels in that order.
pub(crate) struct Planes {
    pub(crate) shape: [u32; 3],
    pub(crate) data: Vec<u8>,
}

impl Planes {
    /// What is in a record.
    pub(super) fn from_record(bytes: &[u8]) -> Result<Self, String> {
        let example = Example::decode(bytes)
            .map_err(|e| format!("no `tf.train.Example`: {}", printable(&e.to_string())))?;
        let mut features = example.features.unwrap_or_default().feature;
        let mut values = |name: &str| features.remove(name).and_then(|feature| feature.values);
        let (Some(Values::Integers(shape)), Some(Values::Bytes(data))) = (values("shape"), values("data"))
        else {
            return Err("no `tf.train.Example` with the integers `shape` and the bytes `data`".into());
        };
        let sizes: Option<Vec<u32>> = shape.value.iter().map(|&size| u32::try_from(size).ok()).collect();
        let shape = sizes.and_then(|sizes| <[u32; 3]>::try_from(sizes).ok());
        let shape = shape.ok_or_else(|| "`shape` is not of channels, height and width".to_owned())?;
        let mut data = data.value.into_iter();
        match (data.next(), data.next()) {
            (Some(data), None) if Some(data.len()) == count(shape) => Ok(Self { shape, data }),
            (Some(data), None) => {
                let [channels, height, width] = shape;
                Err(format!("`data` has {} bytes, not {channels}x{height}x{width}", data.len()))
            }
            _ => Err("`data` is not of one byte string".into()),
        }
    }

    /// The record of it.
    pub(crate) fn into_record(self) -> Vec<u8> {
        let shape = Int64List { value: self.shape.map(i64::from).to_vec() };
        let data = BytesList { value: vec![self.data] };
        let feature = [("shape", Values::Integers(shape)), ("data", Values::Bytes(data))]
            .into_iter()
            .map(|(name, values)| (name.to_owned(), Feature { values: Some(values) }))
            .collect();
        Example { features: Some(Features { feature }) }.encode_to_vec()
    }
}

/// How many bytes pixels of that shape are.
fn count(shape: [u32; 3]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        Planes::from_record(bytes).err().unwrap()
    }

    fn record(values: [(&str, Values); 2]) -> Vec<u8> {
        let feature = values.map(|(name, values)| (name.to_owned(), Feature { values: Some(values) }));
        Example { features: Some(Features { feature: feature.into() }) }.encode_to_vec()
    }

    #[test]
    fn a_picture_goes_into_a_record_and_back() {
        let data: Vec<u8> = (0..30).collect();
        let bytes = Planes { shape: [3, 2, 5], data: data.clone() }.into_record();
        let planes = Planes::from_record(&bytes).unwrap();
        assert_eq!((planes.shape, planes.data), ([3, 2, 5], data));
        // Cut off anywhere, it is no picture.
        for end in 0..bytes.len() {
            reason(&bytes[..end]);
        }
    }

    #[test]
    fn other_records_say_why_they_are_no_pictures() {
        assert!(reason(b"\xff\xff").starts_with("no `tf.train.Example`: "));
        let without = "no `tf.train.Example` with the integers `shape` and the bytes `data`";
        assert_eq!(reason(b""), without);
        let of = |shape: &[i64], data: &[&[u8]]| {
            let shape = Values::Integers(Int64List { value: shape.to_vec() });
            let data = Values::Bytes(BytesList { value: data.iter().map(|data| data.to_vec()).collect() });
            reason(&record([("shape", shape), ("data", data)]))
        };
        for shape in [&[3, 2][..], &[3, -2, 5], &[1 << 40, 2, 5], &[3, 2, 5, 1]] {
            assert_eq!(of(shape, &[b"abc"]), "`shape` is not of channels, height and width");
        }
        assert_eq!(of(&[3, 2, 5], &[b"abc"]), "`data` has 3 bytes, not 3x2x5");
        assert_eq!(
            of(&[1 << 31, 1 << 31, 1 << 31], &[b"abc"]),
            "`data` has 3 bytes, not 2147483648x2147483648x2147483648"
        );
        assert_eq!(of(&[1, 1, 3], &[b"abc", b"abc"]), "`data` is not of one byte string");
        let encoded = Values::Bytes(BytesList { value: vec![b"JPEG".to_vec()] });
        let label = Values::Integers(Int64List { value: vec![3] });
        assert_eq!(reason(&record([("image/encoded", encoded), ("image/class/label", label)])), without);
    }
}
