//! `stylegan dataset align`

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_alignment::{
    AlignOptions, AlignReport, FacePoints, FindFaces, FoundFace, LARGEST_SIDE, LEAST_SIDE, LandmarkFile,
    align_all, first_names,
};
use stylegan_base::units::grouped;
use stylegan_dataset::Source;
use stylegan_features::{Bounds, Face, FaceFinder, FindOptions};
use stylegan_media::{DynamicImage, RgbImage, grid, save_png};

use super::check_sheet;
use crate::output::{Force, Output, make_folder};
use crate::pictures::note_skipped;
use crate::report::{Exit, Refusal, note};

/// A sheet is about as wide, in pixels.
const SHEET_SIDE: usize = 4096;

/// No photo on a sheet is wider or higher.
const MAX_CELL: usize = 2048;

/// Photos on a sheet; more would be too small to see.
const MAX_CELLS: usize = 1024;

/// Cut faces out of photos as FFHQ was made: upright, eyes and mouth at fixed places
///
/// Faces are found by networks that come with the program, or their points are given by `--landmarks`. Each face of a photo
/// becomes a picture, the largest `NAME.png`, the others `NAME_1.png` and so on. What is missing of the photo around a face is
/// mirrored and blurred.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of PNG, JPEG, WebP, BMP and TIFF photos of any depth, or a zip of them
    #[arg(value_name = "PHOTOS")]
    source: PathBuf,

    /// Folder to write the faces into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Side of the pictures in pixels
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(i64::from(LEAST_SIDE)..=i64::from(LARGEST_SIDE)),
        allow_negative_numbers = true,
        default_value_t = 1024
    )]
    size: u32,

    /// Points of the faces that are there already: 68 or 5 of each, in JSON, CSV or `ffhq-dataset-v2.json`, in pixels of the
    /// photos as they are shown
    #[arg(long, value_name = "FILE")]
    landmarks: Option<PathBuf>,

    /// How sure it must be that something is a face, 0 to 1 [default: 0.5]
    #[arg(long, value_name = "P", value_parser = confidence, conflicts_with = "landmarks", allow_negative_numbers = true)]
    min_confidence: Option<f64>,

    /// Smallest face, brow to chin or ear to ear, in pixels of the photo, from 12 on; half of it takes four times as long
    /// [default: 64]
    #[arg(long, value_name = "PIXELS", value_parser = size, conflicts_with = "landmarks", allow_negative_numbers = true)]
    min_size: Option<f64>,

    /// Also draw the photos, up to 1024 of them, with the boxes and points that were found and the squares that were cut out
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,

    /// Also write the points that were found, as `--landmarks` reads them
    #[arg(long, value_name = "FILE.json")]
    save_landmarks: Option<PathBuf>,

    #[command(flatten)]
    force: Force,
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let Args { out, landmarks, sheet, save_landmarks, force, .. } = args;
    Output::check_is_folder(out)?;
    if let Some(sheet) = sheet {
        check_sheet(sheet, *force)?;
    }
    if let Some(path) = save_landmarks {
        check_json(path, *force)?;
    }
    let points = landmarks.as_deref().map(LandmarkFile::open).transpose()?;
    let source = Source::open(&args.source)?;
    Output::check_folder(out, &first_names(source.names()), *force)?;
    let defaults = FindOptions::default();
    let find = FindOptions {
        min_confidence: args.min_confidence.unwrap_or(defaults.min_confidence),
        min_size: args.min_size.unwrap_or(defaults.min_size),
    };
    let finder: Box<dyn FindFaces> = match points {
        Some(file) => {
            file.check_names(source.names())?;
            Box::new(file)
        }
        None => Box::new(Networks { finder: FaceFinder::embedded()?, options: find }),
    };
    make_folder(out)?;
    let cells = source.len().min(MAX_CELLS);
    let columns = (1..=MAX_CELLS).find(|columns| columns * columns >= cells).unwrap_or(1);
    let options = AlignOptions {
        side: args.size,
        overwrite: force.force,
        marked: sheet.is_some().then_some(((SHEET_SIDE / columns).min(MAX_CELL) as u32, cells)),
    };
    let mut report = align_all(&source, finder.as_ref(), out, &options, &mut note_skipped)?;
    if let Some(sheet) = sheet {
        let marked: Vec<_> = std::mem::take(&mut report.marked).into_iter().map(DynamicImage::from).collect();
        // Where no photo could be read, there is nothing to show.
        if !marked.is_empty() {
            save_png(sheet, &grid(&marked, columns, marked.len().div_ceil(columns)), force.force)?;
        }
    }
    if let Some(path) = save_landmarks {
        LandmarkFile::write(path, &report.found, force.force)?;
    }
    if report.faces == 0 {
        return Err(nothing(&report, args).into());
    }
    note(&summary(&report, args));
    Ok(Exit::Done)
}

/// The networks of the program, as whoever cuts faces out asks for them.
struct Networks {
    finder: FaceFinder,
    options: FindOptions,
}

impl FindFaces for Networks {
    fn find(&self, _name: &str, photo: &RgbImage) -> Result<Vec<FoundFace>, String> {
        let found = |Face { confidence, bounds, landmarks }: Face| {
            let Bounds { left, top, width, height } = bounds;
            FoundFace {
                points: FacePoints::SixtyEight(Box::new(landmarks)),
                bounds: Some([left, top, width, height]),
                confidence: Some(confidence),
            }
        };
        let faces = self.finder.find(photo, &self.options).map_err(|error| error.to_string())?;
        Ok(faces.into_iter().map(found).collect())
    }
}

fn check_json(path: &Path, force: Force) -> Result<()> {
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("json")) {
        return Err(Refusal::usage(format!("`--save-landmarks {}` is no JSON by its name", path.display()))
            .hint("points are written as JSON, `--save-landmarks NAME.json`")
            .into());
    }
    Output::check_file(path, force)
}

/// What there is to say where no face is.
fn nothing(report: &AlignReport, args: &Args) -> Refusal {
    let photos = grouped(report.without_face.len() + report.skipped.len());
    let refusal =
        Refusal::new(format!("no face was cut out of the {photos} photos in `{}`", args.source.display()));
    match (&args.landmarks, report.without_face.is_empty()) {
        (_, true) => refusal,
        (Some(file), _) => refusal.hint(format!("`{}` holds no faces of these photos", file.display())),
        (None, _) => refusal.hint(
            "a smaller `--min-confidence` or `--min-size` finds more; `--landmarks` takes points that are there already",
        ),
    }
}

/// One line for what was done, and more for what a person may not expect.
fn summary(report: &AlignReport, args: &Args) -> String {
    let count = |count: usize, one: &str, many: &str| {
        format!("{} {}", grouped(count), if count == 1 { one } else { many })
    };
    let mut lines = vec![format!(
        "cut {} of {size}x{size} out of {} into `{}`",
        count(report.faces, "face", "faces"),
        count(report.photos, "photo", "photos"),
        args.out.display(),
        size = args.size
    )];
    if report.enlarged > 0 {
        lines.push(format!(
            "{} fewer pixels in the photo and {} enlarged",
            count(report.enlarged, "has", "have"),
            if report.enlarged == 1 { "was" } else { "were" }
        ));
    }
    if !report.skipped.is_empty() {
        lines.push(count(report.skipped.len(), "photo or face was skipped", "photos or faces were skipped"));
    }
    if !report.without_face.is_empty() {
        lines.push(match &args.landmarks {
            Some(file) => format!(
                "`{}` holds no face of {}:",
                file.display(),
                count(report.without_face.len(), "photo", "photos")
            ),
            None => format!("no face was found in {}:", count(report.without_face.len(), "photo", "photos")),
        });
        lines.extend(report.without_face.iter().map(|name| format!("  `{name}`")));
    }
    lines.join("\n")
}

fn confidence(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    parsed.ok_or_else(|| "a confidence is a number from 0 to 1".to_owned())
}

fn size(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|value| (FindOptions::LEAST_SIZE..=100_000.0).contains(value));
    parsed.ok_or_else(|| format!("a size is a number of pixels from {} to 100000", FindOptions::LEAST_SIZE))
}
