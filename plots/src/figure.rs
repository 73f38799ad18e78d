//! What is drawn.

use stylegan_base::Resolution;

use crate::colors::PALETTE;

/// The shortest side of a figure, in pixels.
pub const LEAST_SIDE: usize = 240;
/// The longest side of a figure, in pixels.
pub const MOST_SIDE: usize = 8192;
/// The most runs, each in a color of its own.
pub const MOST_RUNS: usize = PALETTE.len();

/// A page of panels over one x axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// Stands on top; may be empty.
    pub title: String,
    /// What the x axis shows, with its unit.
    pub x_label: String,
    /// From left to right, row by row.
    pub panels: Vec<Panel>,
    /// Parts of the x axis that are told apart, from left to right; every second is shaded.
    pub bands: Vec<Band>,
}

/// Curves that share a y axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What the y axis shows, with its unit.
    pub title: String,
    /// Whether the y axis is logarithmic; what is not above 0 is a gap then.
    pub log: bool,
    /// In any order.
    pub curves: Vec<Curve>,
}

/// A value over the time of a run.
///
/// Runs have colors, which a legend on top explains. Where a panel has several names, each run and name has a color in it, beside
/// its title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What it is of.
    pub run: String,
    /// What it shows.
    pub name: String,
    /// x and y, x going up. What is not finite is a gap.
    pub points: Vec<(f64, f64)>,
    /// Points over whose running median it is drawn, in front of itself in pale; of 0 and 1, as it is.
    pub smooth: usize,
}

/// A part of the x axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What it is called.
    pub label: String,
}

/// Why a figure cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It would be too small to be read, or too large.
    #[error("a figure of {0} pixels: its sides are from {least} to {most} pixels long", least = LEAST_SIDE, most = MOST_SIDE)]
    Size(Resolution),
    /// There are more runs than colors.
    #[error("{0} runs: there are colors for {most}", most = MOST_RUNS)]
    Runs(usize),
    /// A format cannot be written.
    #[error("cannot draw the figure: {0}")]
    Drawing(String),
}
