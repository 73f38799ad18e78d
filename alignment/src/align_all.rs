//! All photos of a source, on all cores.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use image::RgbImage;
use stylegan_dataset::{Skipped, Source};
use stylegan_media::save_png;
use tracing::field::Empty;

use crate::budget::Budget;
use crate::crop::crop;
use crate::error::Error;
use crate::find_faces::FindFaces;
use crate::names::Names;
use crate::points::FacePoints;
use crate::sheet::marked;
use crate::square::CropSquare;

/// What photos and crops in work may take together: 16 of 12 million pixels and crops of 1024.
const MEMORY_BYTES: u64 = 4 << 30;

/// What a crop takes for each of its pixels, filled in and four times as large a side.
const BYTES_PER_PIXEL: u64 = 200;

/// How faces are cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignOptions {
    /// The side of the crops, in pixels.
    pub side: u32,
    /// Whether files that exist are overwritten.
    pub overwrite: bool,
    /// The longer side of photos with what was found drawn into them, if they are wanted, and of how many.
    pub marked: Option<(u32, usize)>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlignReport {
    /// How many crops were written.
    pub faces: usize,
    /// How many photos they are of.
    pub photos: usize,
    /// How many crops are larger than their square of the photo.
    pub enlarged: usize,
    /// Photos without a face.
    pub without_face: Vec<String>,
    /// Photos that could not be read, and faces that could not be cut out.
    pub skipped: Vec<Skipped>,
    /// The points of all faces by photo, of those that could be looked at.
    pub found: Vec<(String, Vec<FacePoints>)>,
    /// The photos with what was found drawn into them.
    pub marked: Vec<RgbImage>,
}

/// What came of one photo.
#[derive(Default)]
struct Aligned {
    faces: usize,
    enlarged: usize,
    /// Why faces were not cut out.
    reasons: Vec<String>,
    found: Vec<FacePoints>,
    marked: Option<RgbImage>,
}

enum Failure {
    /// The photo is left out.
    Photo(String),
    /// Nothing more can be done.
    All(Error),
}

/// Cuts out the faces of all photos of a source and writes them into the folder `out`, which is made if need be.
///
/// Each photo is the work of one thread, and no more are open at a time than fit into a few gigabytes. The files are the
/// same whatever the number of threads.
///
/// # Errors
/// If a file cannot be written. What is wrong with one photo is a reason to skip it.
pub fn align_all(
    source: &Source,
    finder: &dyn FindFaces,
    out: &Path,
    options: &AlignOptions,
    on_skipped: &mut dyn FnMut(&Skipped),
) -> Result<AlignReport, Error> {
    let total = source.len();
    let span = tracing::info_span!("aligning", total = total as u64, done = Empty).entered();
    let job = Job {
        source,
        finder,
        out,
        options,
        names: Names::new(source.names()),
        budget: Budget::new(MEMORY_BYTES),
        written: Mutex::new(HashSet::new()),
    };
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let threads = rayon::current_num_threads().min(total);
    let mut photos: Vec<Option<Aligned>> = Vec::new();
    photos.resize_with(total, || None);
    let mut report = AlignReport::default();
    let mut failure = None;
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(threads);
        for _ in 0..threads {
            let (job, next, is_over, sender) = (&job, &next, &is_over, sender.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total || is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    if sender.send((number, job.align(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (done, (number, aligned)) in receiver.iter().enumerate() {
            let mut skip = |reason: String| {
                let skipped = Skipped { name: source.names()[number].clone(), reason };
                on_skipped(&skipped);
                report.skipped.push(skipped);
            };
            match aligned {
                Ok(mut aligned) => {
                    aligned.reasons.drain(..).for_each(skip);
                    photos[number] = Some(aligned);
                }
                Err(Failure::Photo(reason)) => skip(reason),
                Err(Failure::All(error)) => {
                    is_over.store(true, Ordering::Relaxed);
                    failure.get_or_insert(error);
                }
            }
            span.record("done", done as u64 + 1);
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    // In the order of the source, whichever was done first.
    report.skipped.sort_by(|a, b| a.name.cmp(&b.name));
    for (aligned, name) in photos.into_iter().zip(source.names()) {
        let Some(aligned) = aligned else { continue };
        report.faces += aligned.faces;
        report.photos += usize::from(aligned.faces > 0);
        report.enlarged += aligned.enlarged;
        if aligned.faces == 0 && aligned.reasons.is_empty() {
            report.without_face.push(name.clone());
        }
        report.found.push((name.clone(), aligned.found));
        report.marked.extend(aligned.marked);
    }
    tracing::info!(faces = report.faces, photos = report.photos, "photos aligned");
    Ok(report)
}

struct Job<'a> {
    source: &'a Source,
    finder: &'a dyn FindFaces,
    out: &'a Path,
    options: &'a AlignOptions,
    names: Names,
    budget: Budget,
    /// Names of files in lower case, so that no two photos write the same.
    written: Mutex<HashSet<String>>,
}

impl Job<'_> {
    fn align(&self, number: usize) -> Result<Aligned, Failure> {
        let name = &self.source.names()[number];
        let AlignOptions { side, marked: drawn, .. } = *self.options;
        let drawn = drawn.filter(|(_, count)| number < *count);
        if drawn.is_none() && self.finder.knows_none(name) {
            return Ok(Aligned::default());
        }
        let (width, height) = self.source.dimensions(number).map_err(Failure::Photo)?;
        let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
        // Turning a photo upright takes another of its size.
        let _share = self.budget.take(6 * pixels(width, height) + BYTES_PER_PIXEL * pixels(side, side));
        let photo = self.source.decode(number).map_err(Failure::Photo)?;
        let faces = self.finder.find(name, &photo).map_err(Failure::Photo)?;
        let mut aligned = Aligned::default();
        for (face, file) in faces.iter().zip(self.names.of(number, faces.len())) {
            let Some(square) = CropSquare::of(&face.points) else {
                aligned.reasons.push("the points of a face lie in one place".to_owned());
                continue;
            };
            match crop(&photo, &square, side) {
                Ok(picture) => {
                    if self.write(&file, picture)? {
                        aligned.faces += 1;
                        aligned.enlarged += usize::from(square.side() < f64::from(side));
                    } else {
                        aligned.reasons.push(format!("`{file}` is what a face of another photo is called"));
                    }
                }
                Err(error) => aligned.reasons.push(error.to_string()),
            }
        }
        aligned.marked = drawn.and_then(|(side, _)| marked(&photo, &faces, side));
        aligned.found = faces.into_iter().map(|face| face.points).collect();
        Ok(aligned)
    }

    /// Writes a crop, unless another one of this run has its name.
    fn write(&self, file: &str, picture: RgbImage) -> Result<bool, Failure> {
        if !self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_lowercase()) {
            return Ok(false);
        }
        let path = self.out.join(file);
        let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
        fs::create_dir_all(&folder).map_err(|source| Failure::All(Error::Folder { path: folder, source }))?;
        save_png(&path, &picture.into(), self.options.overwrite)
            .map_err(|error| Failure::All(error.into()))?;
        Ok(true)
    }
}
