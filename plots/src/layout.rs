//! Where everything stands.

use plotters::style::RGBColor;
use stylegan_base::{Resolution, printable};

use crate::axis::Axis;
use crate::colors::PALETTE;
use crate::figure::{Band, Curve, Error, Figure, MOST_RUNS, Panel};
use crate::font;
use crate::stroke::smoothed;

/// Units of the plotting crate, which knows whole numbers alone, in a pixel.
pub(crate) const UNITS: u32 = 10;
/// Its font sizes in those of everyone else.
pub(crate) const FONT_UNITS: f64 = 1.24;

// In pixels of a page of at least this width and height; on larger ones all is larger.
const PAGE: (f64, f64) = (1200.0, 480.0);
const MARGIN: f64 = 22.0;
const GAP: f64 = 30.0;
const LINE: f64 = 24.0;
const TITLE: f64 = 19.0;
pub(crate) const TEXT: f64 = 15.0;
pub(crate) const SMALL: f64 = 13.0;
const SAMPLE: f64 = 22.0;
const BETWEEN: f64 = 20.0;
/// Width over height that a panel should have.
const RATIO: f64 = 1.9;

/// A page with everything in its place, in [`UNITS`].
pub(crate) struct Layout<'a> {
    /// Units in a pixel of a page of the usual width.
    pub(crate) scale: f64,
    pub(crate) texts: Vec<Text>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) panels: Vec<Placed<'a>>,
    pub(crate) bands: &'a [Band],
}

/// A text, which begins at `x` and has its middle at `y`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) words: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) size: f64,
    /// Whether it is there to be read first.
    pub(crate) is_dark: bool,
}

/// A piece of line that shows a color in a legend.
pub(crate) struct Sample {
    pub(crate) from: (f64, f64),
    pub(crate) length: f64,
    pub(crate) color: RGBColor,
}

/// A panel with its axes and the edges between which curves are drawn.
pub(crate) struct Placed<'a> {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    /// Width of the numbers of its y axis, on its left.
    pub(crate) numbers: f64,
    pub(crate) x: Axis,
    pub(crate) x_label: String,
    pub(crate) y: Option<Axis>,
    pub(crate) curves: Vec<Drawn<'a>>,
    /// Whether bands are named above it.
    pub(crate) has_band_labels: bool,
}

/// A curve in its color.
pub(crate) struct Drawn<'a> {
    pub(crate) curve: &'a Curve,
    /// Its points, or their median.
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) color: RGBColor,
}

impl<'a> Layout<'a> {
    pub(crate) fn new(figure: &'a Figure, size: Resolution) -> Result<Self, Error> {
        let units = f64::from(UNITS);
        let scale = (size.width as f64 / PAGE.0).min(size.height as f64 / PAGE.1).clamp(0.75, 8.0) * units;
        let (width, height) = (size.width as f64 * units, size.height as f64 * units);
        let mut layout =
            Self { scale, texts: Vec::new(), samples: Vec::new(), panels: Vec::new(), bands: &figure.bands };
        let (margin, line) = (MARGIN * scale, LINE * scale);
        let page = width - 2.0 * margin;
        let mut top = 0.6 * margin;
        if !figure.title.is_empty() {
            let at = (margin, top + line / 2.0);
            layout.text(&shown(&figure.title), at, TITLE, page, true);
            top += 1.3 * line;
        }
        let runs =
            distinct(figure.panels.iter().flat_map(|panel| &panel.curves).map(|curve| curve.run.as_str()));
        if runs.len() > MOST_RUNS {
            return Err(Error::Runs(runs.len()));
        }
        if runs.len() > 1 && figure.panels.iter().any(|panel| names(panel).len() == 1) {
            let entries = runs.iter().zip(PALETTE).map(|(run, color)| (shown(run), color)).collect();
            top = layout.legend(entries, (margin, top), page) + 0.2 * line;
        }
        layout.place_panels(figure, &runs, (margin, top), (page, height - 0.6 * margin - top));
        Ok(layout)
    }

    /// Puts as much of a text as fits into a width; returns the width that it takes.
    fn text(&mut self, text: &str, (x, y): (f64, f64), size: f64, most: f64, is_dark: bool) -> f64 {
        let size = size * self.scale;
        let text = font::fitted(text, size, most);
        let width = font::width(&text, size);
        self.texts.push(Text { words: text, x, y, size, is_dark });
        width
    }

    /// Puts a legend into as many lines as it needs; returns where the next begins.
    fn legend(&mut self, entries: Vec<(String, RGBColor)>, (left, mut top): (f64, f64), page: f64) -> f64 {
        let (line, sample, between) = (LINE * self.scale, SAMPLE * self.scale, BETWEEN * self.scale);
        let mut x = left;
        for (text, color) in entries {
            let text = font::fitted(&text, TEXT * self.scale, page - 1.5 * sample);
            let width = font::width(&text, TEXT * self.scale);
            if x > left && x + 1.4 * sample + width > left + page {
                (x, top) = (left, top + line);
            }
            let y = top + line / 2.0;
            self.samples.push(Sample { from: (x, y), length: sample, color });
            self.text(&text, (x + 1.4 * sample, y), TEXT, f64::INFINITY, true);
            x += 1.4 * sample + width + between;
        }
        top + line
    }

    fn place_panels(
        &mut self,
        figure: &'a Figure,
        runs: &[&str],
        (left, top): (f64, f64),
        (page, height): (f64, f64),
    ) {
        let (scale, line) = (self.scale, LINE * self.scale);
        let count = figure.panels.len();
        let columns = columns(count, page / height.max(1.0));
        let rows = count.div_ceil(columns.max(1)).max(1);
        let gap = GAP * scale;
        let cell = (page - gap * (columns.max(1) - 1) as f64) / columns.max(1) as f64;
        // Bands are named in a line above the first row alone.
        let band_line = if figure.bands.is_empty() { 0.0 } else { 0.7 * line };
        let row = (height - band_line) / rows as f64;
        let all = figure.panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
        let most_x_ticks = (cell / (110.0 * scale)).clamp(2.0, 10.0) as usize;
        let x = Axis::from_zero(all.map(|(x, _)| *x).collect(), most_x_ticks);
        let x = x.or_else(|| Axis::new([0.0, 1.0].into_iter(), false, 0.0, most_x_ticks));
        let Some(x) = x else { return };

        // The last number stands under the end of the axis, half of it beyond.
        let beyond = x.ticks.last().map_or(0.0, |(_, text)| font::width(text, SMALL * scale) / 2.0);
        let foot = if figure.x_label.is_empty() { 1.1 * line } else { 1.9 * line };
        let plot = (row - line - foot).max(line / 4.0);
        let most_y_ticks = (plot / (34.0 * scale)).clamp(2.0, 8.0) as usize;
        let drawn: Vec<Vec<Drawn<'a>>> = figure.panels.iter().map(|panel| drawn(panel, runs)).collect();
        let axes: Vec<Option<Axis>> = figure
            .panels
            .iter()
            .zip(&drawn)
            .map(|(panel, curves)| {
                let values = curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y);
                Axis::new(values, panel.log, 0.05, most_y_ticks)
            })
            .collect();
        for (at, ((panel, curves), y)) in figure.panels.iter().zip(drawn).zip(axes.clone()).enumerate() {
            let (across, down) = (at % columns, at / columns);
            // Panels above one another begin at one place.
            let numbers = axes.iter().skip(across).step_by(columns).flatten().flat_map(|axis| &axis.ticks);
            let numbers = numbers.map(|(_, text)| font::width(text, SMALL * scale)).fold(0.0, f64::max);
            let numbers = numbers + 12.0 * scale;
            let cell_left = left + across as f64 * (cell + gap);
            let cell_top = top + down as f64 * row + if down > 0 { band_line } else { 0.0 };
            let plot_top = cell_top + line + if down == 0 { band_line } else { 0.0 };
            self.heading(panel, &curves, runs, (cell_left, cell_top + line / 2.0), cell);
            self.panels.push(Placed {
                left: cell_left + numbers,
                top: plot_top,
                right: cell_left + cell - beyond,
                bottom: plot_top + plot,
                numbers,
                x: x.clone(),
                x_label: shown(&figure.x_label),
                y,
                curves,
                has_band_labels: down == 0,
            });
        }
    }

    /// The title of a panel, and beside it a color for each name.
    fn heading(
        &mut self,
        panel: &Panel,
        curves: &[Drawn<'_>],
        runs: &[&str],
        (left, y): (f64, f64),
        width: f64,
    ) {
        let title = shown(&panel.title);
        if names(panel).len() < 2 {
            self.text(&title, (left, y), TEXT, width, true);
            return;
        }
        let text = |curve: &Curve| match runs.len() {
            0 | 1 => shown(&curve.name),
            _ => format!("{} {}", shown(&curve.run), shown(&curve.name)),
        };
        let entries: Vec<(String, RGBColor)> =
            curves.iter().map(|Drawn { curve, color, .. }| (text(curve), *color)).collect();
        let title_width = font::width(&title, TEXT * self.scale);
        let names: f64 = entries.iter().map(|(text, _)| font::width(text, SMALL * self.scale)).sum();
        let (sample, before) = (SAMPLE * self.scale, BETWEEN * self.scale);
        let samples = entries.len() as f64 * (before + 1.4 * sample);
        // Where not all has room, samples are half as long, a third is the title's, and names share the rest.
        let is_tight = title_width + samples + names > width;
        let (sample, before) = if is_tight { (sample / 2.0, before / 2.0) } else { (sample, before) };
        let most = if is_tight { (width - samples / 2.0 - names).max(width / 3.0) } else { width };
        let mut x = left + self.text(&title, (left, y), TEXT, most, true);
        let (around, least) = (before + 1.4 * sample, 2.0 * SMALL * self.scale);
        let rest = left + width - x;
        let have_room = entries.len() as f64 * around + names <= rest + 0.5;
        let count = if have_room { entries.len() } else { (rest / (around + least)) as usize };
        for (index, (text, color)) in entries.iter().take(count).enumerate() {
            let rest = left + width - x;
            let room =
                if have_room { rest } else { rest / (count.min(entries.len()) - index) as f64 } - around;
            self.samples.push(Sample { from: (x + before, y), length: sample, color: *color });
            x += around + self.text(text, (x + around, y), SMALL, room, false);
        }
    }
}

fn drawn<'a>(panel: &'a Panel, runs: &[&str]) -> Vec<Drawn<'a>> {
    let has_one_name = names(panel).len() < 2;
    let color = |(at, curve): (usize, &Curve)| {
        let run = runs.iter().position(|run| *run == curve.run).unwrap_or(0);
        PALETTE[if has_one_name { run } else { at } % PALETTE.len()]
    };
    let drawn = panel.curves.iter().enumerate().map(|(at, curve)| Drawn {
        curve,
        points: smoothed(&curve.points, curve.smooth),
        color: color((at, curve)),
    });
    drawn.collect()
}

/// Columns for so many panels on a page whose width is `ratio` times its height.
fn columns(count: usize, ratio: f64) -> usize {
    let cost = |columns: &usize| {
        let rows = count.div_ceil(*columns);
        let empty = (rows * columns - count) as f64 / count.max(1) as f64;
        (ratio * rows as f64 / *columns as f64 / RATIO).ln().abs() + empty
    };
    (1..=count.min(4)).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(1)
}

/// The names of a panel's curves.
fn names(panel: &Panel) -> Vec<&str> {
    distinct(panel.curves.iter().map(|curve| curve.name.as_str()))
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for text in texts {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// A text as XML may have it.
fn shown(text: &str) -> String {
    printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
