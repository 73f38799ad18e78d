//! `stylegan transfer apply`

use std::path::{Path, PathBuf};

use anyhow::Result;
use stylegan_drawing::{Layout, Seeds};
use stylegan_media::{DynamicImage, RgbImage};
use stylegan_ops::Resolution;
use stylegan_transfer::{Recipe, Stylizer, TILE, figure, recolored};
use tracing::info;

use crate::args::psi;
use crate::commands::weights::WeightsArgs;
use crate::device::DeviceName;
use crate::film::FilmArgs;
use crate::output::{Force, Output, make_folder};
use crate::report::{Exit, Refusal, note};

mod inputs;
mod network;

use inputs::{Column, Contents, Styles};

/// The most pictures of a sweep.
const MOST_FRAMES: u32 = 1000;
/// Pixels along a picture of a figure of several.
const CELL: u32 = 512;
/// Draw pictures in the style of others
///
/// Contents and styles may have any size. Of several contents or styles there is one result each, in a folder, or as a figure
/// with the styles along the top and the contents along the left. `scripts/fetch-weights vgg19` brings the encoder.
#[derive(Debug, clap::Args)]
#[command(mut_arg("fps", |fps| fps.default_value("12")))]
pub(crate) struct Args {
    /// Decoder that `transfer train` wrote, a run's folder for its newest snapshot, `decoder.pth` of a PyTorch port, or `demo`
    /// for the small one that comes with the program
    #[arg(long, alias = "network", value_name = "FILE|RUN_DIR|demo")]
    checkpoint: PathBuf,

    #[command(flatten)]
    weights: WeightsArgs,

    /// Pictures to be drawn in a style
    #[arg(long, value_name = "PICTURE", num_args = 1.., required_unless_present = "seeds", conflicts_with = "seeds")]
    content: Vec<PathBuf>,

    /// Generator whose pictures are drawn in a style, as `sample` takes it
    #[arg(long, value_name = "FILE|RUN_DIR|demo", requires = "seeds")]
    content_checkpoint: Option<PathBuf>,

    /// Seeds of those pictures, numbers and ranges such as `0-7`
    #[arg(long, value_name = "LIST", requires = "content_checkpoint")]
    seeds: Option<Seeds>,

    /// How far w of those pictures keeps from its mean [default: 0.7]
    #[arg(long, alias = "trunc", value_name = "PSI", value_parser = psi, allow_negative_numbers = true, requires = "seeds")]
    truncation_psi: Option<f64>,

    /// Pictures whose style is taken
    #[arg(long, value_name = "PICTURE", num_args = 1.., required = true)]
    style: Vec<PathBuf>,

    /// Shares of the styles in one that is between them, separated by commas
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = weight, allow_negative_numbers = true)]
    style_weights: Vec<f64>,

    /// Where each of the styles holds: pictures that are white there, stretched over the content; what none of them marks stays
    /// as it is
    #[arg(long, value_name = "PICTURE", num_args = 1.., conflicts_with = "style_weights")]
    mask: Vec<PathBuf>,

    /// How far to go, from 0, which draws the content by its own features, to 1
    #[arg(long, value_name = "N", value_parser = alpha, default_value_t = 1.0, allow_negative_numbers = true)]
    alpha: f64,

    /// Draw so many pictures on the way from 0 to `--alpha`, 2 to 1000, as a strip, a looping film, or a file each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(MOST_FRAMES)))]
    sweep: Option<u32>,

    #[command(flatten)]
    film: FilmArgs,

    /// Give the style the colors of the content first
    #[arg(long)]
    keep_color: bool,

    /// Pixels along a tile, 64 to 4096: a picture of more pixels than four of them is drawn tile by tile, by the statistics of
    /// the whole, in the memory that one takes
    #[arg(long, value_name = "N", value_parser = tile, default_value_t = TILE, allow_negative_numbers = true)]
    tile: usize,

    /// Device to compute on, `cpu` or `cuda:N`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", hide_possible_values = true)]
    device: DeviceName,

    /// PNG of the result, or of a figure of several; looping film of a sweep; or folder for one PNG each
    #[arg(long, value_name = "FILE.png|FILE.mp4|FILE.gif|FILE.apng|DIR")]
    out: PathBuf,

    #[command(flatten)]
    force: Force,
}

fn alpha(text: &str) -> Result<f64, String> {
    let alpha = text.parse().ok().filter(|alpha| (0.0..=1.0).contains(alpha));
    alpha.ok_or_else(|| "alpha is a number from 0 to 1".to_owned())
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok().filter(|weight| (0.0..=1000.0).contains(weight));
    weight.ok_or_else(|| "a share is a number from 0 to 1000".to_owned())
}

fn tile(text: &str) -> Result<usize, String> {
    let tile = text.parse().ok().filter(|tile| (64..=4096).contains(tile));
    tile.ok_or_else(|| "a tile has 64 to 4096 pixels along each side".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<Exit> {
    let output = Output::parse(&args.out)?;
    let styles = Styles::named(args)?;
    let contents = Contents::named(args);
    let work = Work { args, names: names(args, &contents, &styles)?, contents, styles };
    match output {
        Output::Png(path) => {
            Output::check_file(&path, args.force)?;
            work.as_figure(&path)?;
        }
        Output::Folder(folder) => {
            Output::check_folder(&folder, &work.names, args.force)?;
            work.as_files(&folder)?;
        }
        Output::Film(path) if args.sweep.is_some() && work.names.len() == 1 => {
            Output::check_file(&path, args.force)?;
            work.as_film(&path)?;
        }
        Output::Film(_) => {
            return Err(Refusal::usage(format!(
                "`--out {}`: a film is a sweep of one content and one style",
                args.out.display()
            ))
            .hint("`--sweep 24` draws so many pictures on the way")
            .into());
        }
        Output::Numbers(_) => {
            return Err(Refusal::usage(format!("`--out {}` is no picture by its name", args.out.display()))
                .hint(
                    "results are written as PNG, `--out NAME.png`, or one by one into a folder, `--out DIR`",
                )
                .into());
        }
    }
    Ok(Exit::Done)
}

/// What the results are called in a folder.
fn names(args: &Args, contents: &Contents, styles: &Styles) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for content in contents.names() {
        for style in styles.columns() {
            match args.sweep {
                None => names.push(format!("{content}-{style}.png")),
                Some(frames) => {
                    names.extend((0..frames).map(|frame| format!("{content}-{style}-{frame:04}.png")));
                }
            }
        }
    }
    let is_one = contents.names().len() * styles.columns().len() == 1;
    if args.sweep.is_some() && is_one && !matches!(Output::parse(&args.out)?, Output::Folder(_)) {
        // As one picture or film they are one result.
        names.truncate(1);
    }
    let mut sorted = names.clone();
    sorted.sort();
    if let Some(twice) = sorted.array_windows().find_map(|[a, b]| (a == b).then_some(a)) {
        return Err(Refusal::usage(format!("two results would be called `{twice}`"))
            .hint("contents and styles need names of their own")
            .into());
    }
    Ok(names)
}

/// All that there is to do.
struct Work<'a> {
    args: &'a Args,
    contents: Contents<'a>,
    styles: Styles<'a>,
    names: Vec<String>,
}

impl Work<'_> {
    /// How far each picture goes.
    fn alphas(&self) -> Vec<f64> {
        match self.args.sweep {
            None => vec![self.args.alpha],
            Some(frames) => {
                (0..frames).map(|frame| self.args.alpha * f64::from(frame) / f64::from(frames - 1)).collect()
            }
        }
    }

    fn as_figure(&self, path: &Path) -> Result<()> {
        let several = self.contents.names().len() * self.styles.columns().len();
        if several > 1 && self.args.sweep.is_some() {
            return Err(Refusal::usage("a strip is a sweep of one content and one style")
                .hint("several are written one by one into a folder, `--out DIR`")
                .into());
        }
        let count = if several > 1 { several } else { self.alphas().len() };
        if count > 1 {
            let layout = Layout::square(count);
            let cell = Resolution { width: CELL as usize, height: CELL as usize };
            layout.check_size(cell).map_err(|error| {
                Refusal::new(error.to_string()).hint("write them one by one into a folder, `--out DIR`")
            })?;
        }
        let (mut contents, mut cells) = (Vec::new(), Vec::new());
        let (mut recipe, styles) = self.each(&mut |drawn| {
            if drawn.is_first_of_content && several > 1 {
                contents.push(drawn.content.clone());
            }
            cells.push(drawn.picture);
            Ok(())
        })?;
        let count = cells.len();
        let picture = match (count, cells.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                cells.extend(last);
                figure(if several > 1 { &styles } else { &[] }, &contents, &cells, CELL)
            }
        };
        recipe.alphas = self.alphas();
        recipe.save(path, &DynamicImage::from(picture), self.args.force.force)?;
        done(count, path);
        Ok(())
    }

    fn as_files(&self, folder: &Path) -> Result<()> {
        make_folder(folder)?;
        let mut names = self.names.iter();
        let mut count = 0;
        self.each(&mut |drawn| {
            let Some(name) = names.next() else { return Ok(()) };
            count += 1;
            drawn.recipe.save(
                &folder.join(name),
                &DynamicImage::from(drawn.picture),
                self.args.force.force,
            )?;
            Ok(())
        })?;
        done(count, folder);
        Ok(())
    }

    /// There and back again.
    fn as_film(&self, path: &Path) -> Result<()> {
        let mut frames = Vec::new();
        self.each(&mut |drawn| {
            frames.push(DynamicImage::from(drawn.picture));
            Ok(())
        })?;
        let Some(first) = frames.first() else { return Ok(()) };
        let size = (first.width(), first.height());
        let back = frames.iter().rev().skip(1).take(frames.len().saturating_sub(2));
        let count = frames.len() + back.len();
        let mut film = self.args.film.create(path, size, count as u32, true, self.args.force)?;
        for frame in frames.iter().chain(back) {
            film.add(frame)?;
        }
        film.finish()?;
        done(frames.len(), path);
        Ok(())
    }

    /// Draws every content in every style, row by row; returns the recipe of all of it, and the styles as they were taken.
    fn each(&self, take: &mut dyn FnMut(Drawn<'_>) -> Result<()>) -> Result<(Recipe, Vec<RgbImage>)> {
        let args = self.args;
        let device = args.device.open()?;
        let (stylizer, decoder) = network::open(args, &device)?;
        let pictures = self.styles.read()?;
        let masks = self.styles.read_masks()?;
        let mut recipe = Recipe::new(&decoder, stylizer.encoder().fingerprint(), args.tile);
        recipe.styles = pictures.iter().map(|(_, hash)| hash.clone()).collect();
        recipe.style_weights.clone_from(&args.style_weights);
        recipe.masks = masks.hashes;
        recipe.keep_color = args.keep_color;
        let pictures: Vec<RgbImage> = pictures.into_iter().map(|(picture, _)| picture).collect();
        let mut columns = None;
        let mut contents = Vec::new();
        self.contents.each(&device, &mut |content, seen| {
            contents.push(seen.clone());
            // Where styles take the colors of contents, they are others for each.
            let taken = match &columns {
                Some(columns) if !args.keep_color => columns,
                _ => &*columns.insert(self.columns(&stylizer, &pictures, content)?),
            };
            let looked_at = stylizer.content(content, &masks.pictures)?;
            for (number, column) in taken.iter().enumerate() {
                for (frame, alpha) in self.alphas().into_iter().enumerate() {
                    let picture = looked_at.draw(&column.statistics, alpha)?;
                    let mut own = recipe.clone();
                    own.contents = vec![seen.clone()];
                    own.styles = column.styles.iter().map(|style| recipe.styles[*style].clone()).collect();
                    own.alphas = vec![alpha];
                    let is_first_of_content = number == 0 && frame == 0;
                    take(Drawn { content, picture, recipe: own, is_first_of_content })?;
                }
            }
            Ok(())
        })?;
        recipe.contents = contents;
        Ok((recipe, pictures))
    }

    /// The statistics of each column's styles.
    fn columns(&self, stylizer: &Stylizer, styles: &[RgbImage], content: &RgbImage) -> Result<Vec<Column>> {
        let mut statistics = Vec::new();
        for (picture, path) in styles.iter().zip(&self.args.style) {
            let what = format!("the style `{}`", path.display());
            statistics.push(if self.args.keep_color {
                stylizer.style(&what, &recolored(picture, content))?
            } else {
                stylizer.style(&what, picture)?
            });
        }
        self.styles.columns_of(&statistics)
    }
}

/// A result.
struct Drawn<'a> {
    content: &'a RgbImage,
    picture: RgbImage,
    recipe: Recipe,
    is_first_of_content: bool,
}

fn done(count: usize, path: &Path) {
    let pictures = if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") };
    info!(count, path = %path.display(), "wrote pictures in styles");
    note(&format!("wrote {pictures} to `{}`", path.display()));
}
