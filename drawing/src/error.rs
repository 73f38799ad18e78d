//! Why pictures cannot be drawn, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use stylegan_base::units::grouped;
use stylegan_base::{FileKind, Hint};
use stylegan_generator::SeedStyle;
use stylegan_ops::Resolution;

use crate::figures::{Area, MAX_DRAWS, MIN_DRAWS};
use crate::latent_file::{MAX_BYTES, MAX_LATENTS};
use crate::layout::MAX_PIXELS;
use crate::walk::MAX_FRAMES;
use crate::{LatentSpace, Layout, Origin};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why pictures cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of latents, or a picture with a recipe, is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(Box<stylegan_checkpoint::Error>),
    /// A picture cannot be written or read.
    #[error(transparent)]
    Media(#[from] stylegan_media::Error),
    /// The network or the device failed before there was a latent to draw.
    #[error("cannot compute a latent")]
    Latent(#[from] candle_core::Error),
    /// The network or the device failed.
    #[error("cannot draw a picture of {resolution}")]
    Draw {
        /// Width and height of the picture.
        resolution: Resolution,
        /// Why.
        source: candle_core::Error,
    },
    /// A label for a network without labels.
    #[error("a class was given, but this network has no labels")]
    NoLabels,
    /// No label for a network with labels.
    #[error("this network has {label_dim} labels, but no class was given")]
    NoClass {
        /// How many labels there are.
        label_dim: usize,
    },
    /// A label of more or fewer numbers than the network's.
    #[error("a label has {label_dim} numbers in this network, not {count}")]
    LabelLength {
        /// How many were given.
        count: usize,
        /// How many there are.
        label_dim: usize,
    },
    /// A label that the network does not have.
    #[error("class {class} is not from 0 to {}", label_dim - 1)]
    Class {
        /// The label.
        class: usize,
        /// How many labels there are.
        label_dim: usize,
    },
    /// A label for latents that have passed the layers that labels enter.
    #[error("a class was given, but `{space}` is behind the labels' place in the network")]
    ClassBehindMapping {
        /// What was to be drawn.
        space: LatentSpace,
    },
    /// A seed that has no latent.
    #[error("there is no seed {seed} in the style of {style}, the last one is {}", style.last_seed())]
    Seed {
        /// The seed.
        seed: u64,
        /// How seeds become latents.
        style: SeedStyle,
    },
    /// A layer that the network does not have.
    #[error("there is no layer {layer}, the network has {num_layers} layers")]
    Layer {
        /// The layer, from 0.
        layer: usize,
        /// How many layers there are.
        num_layers: usize,
    },
    /// A row of a file, where there is no file.
    #[error("rows of a file of latents were asked for, but no file was given")]
    NoLatentFile,
    /// A latent that the file does not have.
    #[error("there is no row {row} in {count} latents")]
    Row {
        /// The row, from 0.
        row: u64,
        /// How many there are.
        count: usize,
    },
    /// More pixels than one picture may have.
    #[error(
        "{layout} pictures of {resolution} make a picture of {} pixels, more than {}",
        grouped(layout.pixels(*resolution)),
        grouped(MAX_PIXELS)
    )]
    TooManyPixels {
        /// How many pictures stand side by side.
        layout: Layout,
        /// Width and height of each.
        resolution: Resolution,
    },
    /// More pixels than one figure may have.
    #[error(
        "the figure would have {width}x{height} pixels, {}, more than {}",
        grouped(width.saturating_mul(*height)),
        grouped(MAX_PIXELS)
    )]
    FigureTooLarge {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
    },
    /// Styles for more or fewer rows than there are.
    #[error("there are layers for {styles} rows, but {rows} rows")]
    RowCount {
        /// Rows that layers are given for.
        styles: usize,
        /// Rows of the figure.
        rows: usize,
    },
    /// Styles are to be mixed in a network without them.
    #[error("this network has no styles, so there are none to be mixed")]
    NoStyles,
    /// A text that is no recipe, for this reason.
    #[error("this is no recipe: {0}")]
    BadRecipe(String),
    /// A picture that cannot be blended, for this reason.
    #[error("a picture cannot be blended: {0}")]
    Blend(&'static str),
    /// Noise is to be shown of a network without it.
    #[error("this network has no noise, so there is none to be shown")]
    NoNoise,
    /// Pictures are to be shrunk further than to the size that their network starts from.
    #[error("pictures of {resolution} have levels of detail from 0 to {}, not {lod}", resolution.doublings())]
    Lod {
        /// How often they are to be halved.
        lod: u32,
        /// Their width and height.
        resolution: Resolution,
    },
    /// A part of a picture that is not inside.
    #[error("the part {area} does not lie in a picture of {resolution}")]
    Area {
        /// The part.
        area: Area,
        /// Width and height of the picture.
        resolution: Resolution,
    },
    /// Too few draws of noise to show, or too many.
    #[error(
        "a figure shows from {MIN_DRAWS} to {} draws of noise, not {}",
        grouped(MAX_DRAWS),
        grouped(draws)
    )]
    Draws {
        /// How many were asked for.
        draws: u32,
    },
    /// A walk that goes nowhere.
    #[error("a walk needs at least two seeds")]
    OneSeed,
    /// A walk that cannot be, for this reason.
    #[error("a walk {0}")]
    Walk(String),
    /// A walk with more seeds than frames it may have.
    #[error("a walk visits up to {} seeds, not {}", grouped(MAX_FRAMES), grouped(count))]
    TooManySeeds {
        /// How many there are.
        count: usize,
    },
    /// A walk without frames, or with too many.
    #[error("a walk has 1 to {} frames, not {}", grouped(MAX_FRAMES), grouped(frames))]
    Frames {
        /// How many were asked for.
        frames: u32,
    },
    /// Pictures are to be moved along a direction, where no file has any.
    #[error("no file of directions was given")]
    NoDirections,
    /// Directions of z, which is on a sphere.
    #[error("directions are of `w` or `w_plus`, not of `z`")]
    DirectionOfZ,
    /// A recipe of another file of directions.
    #[error("the recipe is of the directions {expected}, not {found}")]
    OtherDirections {
        /// Hash of the recipe's file.
        expected: String,
        /// Hash of the file at hand.
        found: String,
    },
    /// A recipe of directions whose file is not at hand.
    #[error("the recipe is of the directions {expected}, which are needed")]
    MissingDirections {
        /// Hash of the recipe's file.
        expected: String,
    },
    /// A file of directions for a picture that was moved along none.
    #[error("the recipe is of no direction")]
    NeedlessDirections,
    /// Latents that cannot be added.
    #[error("latents `{}` of shape {:?} and `{}` of shape {:?} do not go together", one.0, one.1, other.0, other.1)]
    UnlikeLatents {
        /// Space and shape of the ones.
        one: (LatentSpace, Vec<usize>),
        /// Space and shape of the others.
        other: (LatentSpace, Vec<usize>),
    },
    /// Latents of a space that others do not lead back to.
    #[error("`{found}` is behind `{asked}` in the network")]
    BehindSpace {
        /// What there is.
        found: LatentSpace,
        /// What was asked for.
        asked: LatentSpace,
    },
    /// More directions than w has, or none.
    #[error("there are 1 to {w_dim} directions of w, not {count}")]
    DirectionCount {
        /// How many were asked for.
        count: usize,
        /// The size of w.
        w_dim: usize,
    },
    /// A recipe of another network.
    #[error("the recipe is of {expected}, not of {found}")]
    OtherNetwork {
        /// The recipe's.
        expected: Origin,
        /// The one at hand.
        found: Origin,
    },
    /// A recipe of other latents.
    #[error("the recipe is of the latents {expected}, not {found}")]
    OtherLatents {
        /// Hash of the recipe's file.
        expected: String,
        /// Hash of the file at hand.
        found: String,
    },
    /// A recipe of latents whose file is not at hand.
    #[error("the recipe is of the latents {expected}, which are needed")]
    MissingLatents {
        /// Hash of the recipe's file.
        expected: String,
    },
    /// A file of latents for a recipe of seeds.
    #[error("the recipe is of seeds, not of latents")]
    NeedlessLatents,
}

/// A file, and what is wrong with it.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FileErrorKind,
}

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// It is not there.
    NotFound,
    /// It is a folder, a pipe or a device.
    NotAFile,
    /// The system could not read it.
    Read(io::Error),
    /// It was to be written, but is there already.
    Exists,
    /// The system could not write it.
    Write(io::Error),
    /// It has this many bytes, which are too many.
    TooLarge(u64),
    /// It is no safetensors file, or a damaged one.
    NotSafetensors,
    /// It is a file of another kind.
    OtherKind(FileKind),
    /// An array of `NumPy` or its archive is damaged, or of numbers that are not read, for this reason.
    Numpy(String),
    /// It is an array without a name, whose shape does not say what it is.
    Unnamed {
        /// Its shape.
        shape: Vec<usize>,
    },
    /// It has no tensor of a latent's name.
    NoLatents,
    /// It has tensors of two latents' names.
    Ambiguous(LatentSpace, LatentSpace),
    /// Its numbers are of a type that is not read.
    Type {
        /// Name of the tensor.
        space: LatentSpace,
        /// Its type.
        dtype: String,
    },
    /// Its tensor is not one of latents.
    Shape {
        /// Name of the tensor.
        space: LatentSpace,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Its latents are not those of the network.
    OtherShape {
        /// Name of the tensor.
        space: LatentSpace,
        /// Its shape.
        shape: Vec<usize>,
        /// Shape of one latent of the network.
        expected: Vec<usize>,
    },
    /// Its noise images of a layer are not one of finite numbers for each of its latents.
    Noise {
        /// The number of the layer.
        layer: usize,
        /// Their shape.
        shape: Vec<usize>,
    },
    /// Its noise images are not those of pictures that are as large as the network's.
    OtherNoise {
        /// Width and height of the network's pictures.
        resolution: Resolution,
    },
    /// It has this many latents, which are too many.
    TooMany(usize),
    /// It holds infinities, or what is not a number.
    NotFinite(LatentSpace),
    /// Its name is of no file of latents.
    NoLatentName,
    /// Its name is of an array without a name, which would not say that it is of this space.
    NamelessSpace(LatentSpace),
    /// The picture has no recipe in it.
    NoRecipe,
    /// The picture's recipe is not one, for this reason.
    BadRecipe(String),
}

impl FileErrorKind {
    /// The error of this kind of a file.
    pub(crate) fn at(self, path: impl Into<PathBuf>) -> Error {
        FileError { path: path.into(), kind: self }.into()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use FileErrorKind as Kind;
        let path = self.path.display();
        match &self.kind {
            Kind::NotFound => write!(f, "there is no file `{path}`"),
            Kind::NotAFile => write!(f, "`{path}` is not a file"),
            Kind::Read(_) => write!(f, "cannot read `{path}`"),
            Kind::Exists => write!(f, "`{path}` exists; nothing was overwritten"),
            Kind::Write(_) => write!(f, "cannot write `{path}`"),
            Kind::TooLarge(bytes) => {
                write!(f, "`{path}` has {} bytes, more than {}", grouped(bytes), grouped(MAX_BYTES))
            }
            Kind::NotSafetensors => write!(f, "`{path}` is no safetensors file, or a damaged one"),
            Kind::OtherKind(FileKind::Empty) => write!(f, "`{path}` is empty"),
            Kind::OtherKind(kind) => write!(f, "`{path}` is {kind}, not latents"),
            Kind::Numpy(reason) => write!(f, "`{path}` cannot be read: {reason}"),
            Kind::Unnamed { shape } => {
                write!(f, "`{path}` has shape {shape:?}, but no name that says what it is")
            }
            Kind::NoLatents => write!(f, "`{path}` holds no latents"),
            Kind::Ambiguous(one, other) => {
                write!(f, "`{path}` holds both `{one}` and `{other}`; one is needed")
            }
            Kind::Type { space, dtype } => {
                write!(f, "`{space}` of `{path}` is of type {dtype}, not F64, F32, F16 or BF16")
            }
            Kind::Shape { space, shape } => write!(f, "`{space}` of `{path}` has shape {shape:?}"),
            Kind::OtherShape { space, shape, expected } => {
                write!(f, "`{space}` of `{path}` has shape {shape:?} where the network takes [n")?;
                expected.iter().try_for_each(|size| write!(f, ", {size}"))?;
                f.write_str("]")
            }
            Kind::Noise { layer, shape } => {
                write!(
                    f,
                    "`noise.layer{layer}` of `{path}`, of shape {shape:?}, is no image for each of its latents"
                )
            }
            Kind::OtherNoise { resolution } => {
                write!(f, "the noise images of `{path}` are not those of a picture of {resolution}")
            }
            Kind::TooMany(count) => {
                write!(f, "`{path}` holds {} latents, more than {}", grouped(count), grouped(MAX_LATENTS))
            }
            Kind::NotFinite(space) => {
                write!(f, "`{space}` of `{path}` holds numbers that are not finite in f32")
            }
            Kind::NoLatentName => write!(f, "`{path}` is not the name of a file of latents"),
            Kind::NamelessSpace(space) => {
                write!(f, "`{path}`: an array without a name is `w_plus`, not `{space}`")
            }
            Kind::NoRecipe => write!(f, "`{path}` has no recipe in it"),
            Kind::BadRecipe(reason) => {
                write!(f, "the recipe in `{path}` cannot be understood: {reason}")
            }
        }
    }
}

impl StdError for FileError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            FileErrorKind::Read(source) | FileErrorKind::Write(source) => Some(source),
            _ => None,
        }
    }
}

impl Hint for FileError {
    fn hint(&self) -> Option<String> {
        use FileErrorKind as Kind;
        let hint = match &self.kind {
            Kind::TooLarge(_) => "draw from several smaller files",
            Kind::Unnamed { .. } => {
                "`numpy.savez` names it: `z=` or `w=` of [n, dim], `w_plus=` of [n, num_layers, w_dim]"
            }
            Kind::NotSafetensors
            | Kind::OtherKind(_)
            | Kind::NoLatents
            | Kind::Ambiguous(..)
            | Kind::Shape { .. } => {
                "it is a safetensors or `.npz` file with a tensor `z [n, z_dim]`, `w [n, w_dim]` or `w_plus [n, num_layers, w_dim]`"
            }
            Kind::NoLatentName | Kind::NamelessSpace(_) => {
                "latents are written as `.safetensors`, `.npz`, or `.npy` of `w_plus`"
            }
            Kind::NoRecipe => "most programs that change a picture leave its recipe out",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<stylegan_checkpoint::Error> for Error {
    fn from(error: stylegan_checkpoint::Error) -> Self {
        Self::Checkpoint(Box::new(error))
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Checkpoint(error) => error.hint(),
            Self::Media(error) => error.hint(),
            Self::NoClass { label_dim } | Self::Class { label_dim, .. } => {
                Some(format!("classes are counted from 0 to {}", label_dim - 1))
            }
            Self::Seed { style: SeedStyle::Numpy, .. } => {
                Some("the native style takes it, but other seeds draw other pictures then".to_owned())
            }
            Self::Layer { num_layers, .. } => {
                Some(format!("layers are counted from 0 to {}", num_layers - 1))
            }
            _ => None,
        }
    }
}
