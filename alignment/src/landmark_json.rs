//! Points of faces in JSON.

use std::fmt;
use std::io::{self, BufRead, Write};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::points::FacePoints;

/// More faces than any file lists.
pub(crate) const MAX_ALL: usize = 5_000_000;

/// More faces than are in any photo.
const MAX_FACES: usize = 1000;

/// The points of 68 in one list of numbers.
const MAX_NUMBERS: usize = 136;

/// Reads an object of photos, and hands on the faces of each.
pub(crate) fn read(
    reader: impl BufRead,
    add: &mut dyn FnMut(&str, Vec<FacePoints>),
) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    deserializer.deserialize_map(Photos { add, count: 0 })?;
    deserializer.end()
}

/// Writes such an object, a line for each photo, in hundredths of a pixel.
pub(crate) fn write<'a>(
    out: &mut dyn Write,
    photos: impl Iterator<Item = (&'a str, &'a [FacePoints])>,
) -> io::Result<()> {
    let mut before = "{\n";
    for (name, faces) in photos {
        let hundredths = |place: f64| (place * 100.0).round() / 100.0;
        let faces: Vec<Vec<[f64; 2]>> = faces
            .iter()
            .map(|face| face.points().iter().map(|point| point.map(hundredths)).collect())
            .collect();
        write!(out, "{before}{}: {}", serde_json::to_string(name)?, serde_json::to_string(&faces)?)?;
        before = ",\n";
    }
    out.write_all(if before == "{\n" { b"{}\n" } else { b"\n}\n" })
}

/// The object of all photos.
struct Photos<'a> {
    add: &'a mut dyn FnMut(&str, Vec<FacePoints>),
    count: usize,
}

impl<'de> Visitor<'de> for Photos<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of photos")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let Photo { path, faces } = map.next_value()?;
            let name = path.as_deref().unwrap_or(&key);
            let faces: Result<Vec<_>, _> =
                faces.iter().map(|numbers| FacePoints::of_numbers(numbers)).collect();
            let faces =
                faces.map_err(|reason| A::Error::custom(format!("the face of `{name}`: {reason}")))?;
            self.count += faces.len().max(1);
            if self.count > MAX_ALL {
                return Err(A::Error::custom(format!("more than {MAX_ALL} faces")));
            }
            (self.add)(name, faces);
        }
        Ok(())
    }
}

/// What stands beside the name of a photo.
#[derive(Default)]
struct Photo {
    path: Option<String>,
    faces: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct PhotoObject {
    in_the_wild: Option<InTheWild>,
    face_landmarks: Option<Faces>,
}

#[derive(Deserialize)]
struct InTheWild {
    file_path: String,
    face_landmarks: Faces,
}

impl<'de> Deserialize<'de> for Photo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Photo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("points of faces")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Photo, E> {
                Ok(Photo::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Photo, A::Error> {
                let Faces(faces) = Faces::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Photo { path: None, faces })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Photo, A::Error> {
                match PhotoObject::deserialize(MapAccessDeserializer::new(map))? {
                    PhotoObject { in_the_wild: Some(photo), .. } => {
                        Ok(Photo { path: Some(photo.file_path), faces: photo.face_landmarks.0 })
                    }
                    PhotoObject { face_landmarks: Some(Faces(faces)), .. } => Ok(Photo { path: None, faces }),
                    _ => Err(A::Error::custom("neither `in_the_wild` nor `face_landmarks` is there")),
                }
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// The numbers of each face: of points, of faces of points, or bare.
struct Faces(Vec<Vec<f64>>);

/// Numbers, or lists of them of some depth, each of no more than some entries.
enum Nested {
    Number(f64),
    List(Vec<Nested>),
}

/// How many entries a list may have whose entries are nested so deep.
struct Depth(usize);

impl<'de> Deserialize<'de> for Faces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nested = Depth(0).deserialize(deserializer)?;
        let wrong = || D::Error::custom("not a list of points `[x, y]`, nor of faces of such points");
        match nested.depth() {
            // Without any number, there is no face.
            0 => Ok(Self(Vec::new())),
            1 | 2 => Ok(Self(vec![nested.flat()])),
            3 => match nested {
                Nested::List(faces) => Ok(Self(faces.into_iter().map(Nested::flat).collect())),
                Nested::Number(_) => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

impl Nested {
    /// In how many lists its first number stands; 0 if there is none.
    fn depth(&self) -> usize {
        match self {
            Self::List(list) => match list.first() {
                Some(Self::Number(_)) => 1,
                Some(inner) => inner.depth() + 1,
                None => 0,
            },
            Self::Number(_) => 0,
        }
    }

    fn flat(self) -> Vec<f64> {
        match self {
            Self::Number(number) => vec![number],
            Self::List(list) => list.into_iter().flat_map(Self::flat).collect(),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Nested;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Nested, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Nested;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("points `[x, y]`")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Nested, E> {
        Ok(Nested::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Nested, E> {
        Ok(Nested::Number(number as f64))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Nested, E> {
        Ok(Nested::Number(number as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Nested, A::Error> {
        let limit = match self.0 {
            0 => MAX_FACES,
            1 => MAX_NUMBERS,
            2 => 3,
            _ => return Err(A::Error::custom("lists are nested too deep for points")),
        };
        let mut list = Vec::new();
        while let Some(nested) = seq.next_element_seed(Self(self.0 + 1))? {
            if list.len() == limit {
                return Err(A::Error::custom(format!("a list of more than {limit} entries")));
            }
            list.push(nested);
        }
        Ok(Nested::List(list))
    }
}
