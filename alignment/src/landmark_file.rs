//! Points of faces that somebody has already, in JSON or CSV.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use image::RgbImage;
use stylegan_base::{files, printable};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, LandmarkError};
use crate::find_faces::{FindFaces, FoundFace};
use crate::landmark_json::{self, MAX_ALL};
use crate::points::FacePoints;

/// FFHQ's own file has 255 MB.
const MAX_BYTES: u64 = 512 << 20;

/// Points of faces by the photos' names.
///
/// As JSON it is an object that gives for each photo
/// - a list of faces of 68 or 5 points `[x, y]`, or one such face, or nothing;
/// - an object with `face_landmarks`, one of these;
/// - an object with `in_the_wild`, in which stand `file_path` and `face_landmarks`: `ffhq-dataset-v2.json`.
///
/// As CSV it has a line for each face: the photo, then x and y of each point. A first line of words is left out.
///
/// Names are paths inside the source of the photos; where they go further up or less far, what they have in common counts.
#[derive(Debug)]
pub struct LandmarkFile {
    path: PathBuf,
    /// By the names of files, without their folders: paths and faces.
    photos: HashMap<String, Vec<(String, Vec<FacePoints>)>>,
    /// A name that is in it.
    example: Option<String>,
}

impl LandmarkFile {
    /// Reads the points.
    ///
    /// # Errors
    /// If the file cannot be read, or anything in it is no such point.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let metadata = path.metadata().map_err(read)?;
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        // A pipe would be waited for without end.
        if !metadata.is_file() || !["json", "csv"].contains(&&*ending) {
            return Err(LandmarkError::OtherKind.at(path));
        }
        if metadata.len() > MAX_BYTES {
            return Err(LandmarkError::TooLarge { bytes: metadata.len(), limit: MAX_BYTES }.at(path));
        }
        let mut reader = BufReader::new(File::open(path).map_err(read)?);
        if reader.fill_buf().map_err(read)?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        let mut file = Self { path: path.to_owned(), photos: HashMap::new(), example: None };
        match &*ending {
            "json" => file.read_json(reader),
            _ => file.read_csv(reader),
        }
        .map(|()| file)
    }

    /// Writes points in the form in which [`LandmarkFile::open`] reads them.
    ///
    /// # Errors
    /// If the file exists and `overwrite` does not allow that, or it cannot be written.
    pub fn write(path: &Path, photos: &[(String, Vec<FacePoints>)], overwrite: bool) -> Result<(), Error> {
        let lines = || photos.iter().map(|(name, faces)| (name.as_str(), faces.as_slice()));
        files::write(path, overwrite, &mut |out| landmark_json::write(out, lines()))
            .map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Makes sure that points of at least one of these photos are there.
    ///
    /// # Errors
    /// If not.
    pub fn check_names(&self, photos: &[String]) -> Result<(), Error> {
        match photos.first() {
            Some(photo) if !photos.iter().any(|name| !matches!(self.of(name), Ok(None))) => {
                Err(LandmarkError::NoneOf { listed: self.example.clone(), photo: photo.clone() }
                    .at(&self.path))
            }
            _ => Ok(()),
        }
    }

    /// The faces of a photo; none if it is not in the file.
    fn of(&self, name: &str) -> Result<Option<&[FacePoints]>, String> {
        let name = key(name);
        let same_parts = |path: &str| {
            let same = path.rsplit('/').zip(name.rsplit('/')).take_while(|(a, b)| a == b).count();
            let all = path.split('/').count().min(name.split('/').count());
            (same == all).then_some(same)
        };
        let listed = self.photos.get(file_name(&name)).map_or(&[][..], Vec::as_slice);
        let fitting = || listed.iter().filter_map(|entry| Some((same_parts(&entry.0)?, entry)));
        let Some(most) = fitting().map(|(same, _)| same).max() else { return Ok(None) };
        let mut best = fitting().filter(|(same, _)| *same == most).map(|(_, entry)| entry);
        match (best.next(), best.next()) {
            (Some((path, _)), Some((other, _))) => {
                let file = self.path.display();
                Err(format!("`{file}` has points for `{path}` and for `{other}`, which may both be meant"))
            }
            (found, _) => Ok(found.map(|(_, faces)| faces.as_slice())),
        }
    }

    fn add(&mut self, name: &str, mut faces: Vec<FacePoints>) {
        let name = key(name);
        self.example.get_or_insert_with(|| shown(&name));
        let listed = self.photos.entry(file_name(&name).to_owned()).or_default();
        match listed.iter_mut().find(|(path, _)| *path == name) {
            Some((_, known)) => known.append(&mut faces),
            None => listed.push((name, faces)),
        }
    }

    fn read_json(&mut self, reader: impl BufRead) -> Result<(), Error> {
        let path = self.path.clone();
        landmark_json::read(reader, &mut |name, faces| self.add(name, faces)).map_err(|error| {
            if error.is_io() {
                return Error::Read { path: path.clone(), source: error.into() };
            }
            let place = format!(" at line {} column {}", error.line(), error.column());
            let reason = shown(error.to_string().trim_end_matches(&place));
            LandmarkError::Content { line: error.line() as u64, reason }.at(&path)
        })
    }

    fn read_csv(&mut self, reader: impl BufRead) -> Result<(), Error> {
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(reader);
        let path = self.path.clone();
        let wrong = |position: Option<&csv::Position>, reason: &str| {
            let line = position.map_or(1, csv::Position::line);
            LandmarkError::Content { line, reason: shown(reason) }.at(&path)
        };
        let (mut row, mut count) = (csv::StringRecord::new(), 0);
        loop {
            match rows.read_record(&mut row) {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(error) => {
                    let not_text = wrong(error.position(), "not text in UTF-8");
                    return Err(match error.into_kind() {
                        csv::ErrorKind::Io(source) => Error::Read { path: path.clone(), source },
                        _ => not_text,
                    });
                }
            }
            let mut fields = row.iter();
            let name = fields.next().unwrap_or_default();
            let is_of_numbers = fields.clone().any(|field| field.parse::<f64>().is_ok());
            count += 1;
            // The names of columns.
            if count == 1 && !is_of_numbers {
                continue;
            }
            if count > MAX_ALL {
                return Err(wrong(row.position(), &format!("more than {MAX_ALL} faces")));
            }
            let numbers: Result<Vec<f64>, String> =
                fields.map(|field| field.parse().map_err(|_| format!("`{field}` is no number"))).collect();
            let face = numbers
                .and_then(|numbers| FacePoints::of_numbers(&numbers))
                .map_err(|reason| wrong(row.position(), &format!("the face of `{name}`: {reason}")))?;
            self.add(name, vec![face]);
        }
    }
}

impl FindFaces for LandmarkFile {
    fn knows_none(&self, name: &str) -> bool {
        matches!(self.of(name), Ok(None | Some([])))
    }

    fn find(&self, name: &str, _photo: &RgbImage) -> Result<Vec<FoundFace>, String> {
        let faces = self.of(name)?.unwrap_or_default();
        let found =
            |points: &FacePoints| FoundFace { points: points.clone(), bounds: None, confidence: None };
        Ok(faces.iter().map(found).collect())
    }
}

/// A name as it is compared.
fn key(name: &str) -> String {
    let name = name.replace('\\', "/");
    name.trim_start_matches("./").nfc().collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What is shown of a text from the file, which may be of any length.
fn shown(text: &str) -> String {
    printable(text).chars().take(200).collect()
}
