//! Draws a page onto whatever can be drawn on.

use std::iter::once;

use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBAColor, RGBColor, TRANSPARENT, TextStyle};

use crate::colors::{AXIS, GRID, LABEL, SHADE, TEXT};
use crate::font;
use crate::layout::{Drawn, FONT_UNITS, Layout, Placed, SMALL, Sample};
use crate::stroke::{clipped, strokes};

type Result<T, DB> = std::result::Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Up to so many points of a curve are shown as such.
const MOST_DOTS: usize = 40;

pub(crate) fn draw<DB: DrawingBackend>(backend: DB, layout: &Layout<'_>) -> Result<(), DB> {
    let root = backend.into_drawing_area();
    root.fill(&RGBColor(255, 255, 255))?;
    for panel in &layout.panels {
        shade(&root, panel, layout)?;
        curves(&root, panel, layout)?;
    }
    for Sample { from: (x, y), length, color } in &layout.samples {
        let [from, to, y] = [*x, x + length, *y].map(whole);
        let style = color.stroke_width(whole(2.6 * layout.scale) as u32);
        root.draw(&PathElement::new(vec![(from, y), (to, y)], style))?;
    }
    for text in &layout.texts {
        let color = if text.is_dark { TEXT } else { LABEL };
        write(&root, &text.words, (text.x, text.y), text.size, color, HPos::Left)?;
    }
    root.present()
}

fn whole(units: f64) -> i32 {
    units.round() as i32
}

fn write<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    text: &str,
    (x, y): (f64, f64),
    size: f64,
    color: RGBColor,
    from: HPos,
) -> Result<(), DB> {
    root.draw_text(text, &style(size, color).pos(Pos::new(from, VPos::Center)), (whole(x), whole(y)))
}

/// Of a text of a size in units.
fn style(size: f64, color: RGBColor) -> TextStyle<'static> {
    let font = (font::FAMILY, size * FONT_UNITS).into_font();
    TextStyle { font, color: color.to_backend_color(), pos: Pos::default() }
}

/// Shades every second band, and names all above the panel where they are wide enough.
fn shade<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    panel: &Placed<'_>,
    layout: &Layout<'_>,
) -> Result<(), DB> {
    let across = |x: f64| {
        let share = ((x - panel.x.from) / (panel.x.to - panel.x.from)).clamp(0.0, 1.0);
        panel.left + share * (panel.right - panel.left)
    };
    let bands = layout.bands.iter().map(|band| (across(band.from), across(band.to), &band.label));
    // A place that is no number compares with nothing.
    for (at, (from, to, label)) in bands.enumerate().filter(|(_, (from, to, _))| from < to) {
        if at % 2 == 1 {
            let corners = [(whole(from), whole(panel.top)), (whole(to), whole(panel.bottom))];
            root.draw(&Rectangle::new(corners, SHADE.filled()))?;
        }
        let size = SMALL * layout.scale;
        if panel.has_band_labels && font::width(label, size) + 0.4 * size < to - from {
            let at = (f64::midpoint(from, to), panel.top - 0.7 * size);
            write(root, label, at, size, LABEL, HPos::Center)?;
        }
    }
    Ok(())
}

/// The axes of a panel and the curves between them.
fn curves<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    panel: &Placed<'_>,
    layout: &Layout<'_>,
) -> Result<(), DB> {
    let scale = layout.scale;
    let Placed { left, top, right, bottom, numbers, .. } = *panel;
    let foot = 20.0 * scale;
    let (width, height) = (right - left + numbers, bottom - top + foot);
    let area = root.clone().shrink(
        (whole(left - numbers), whole(top)),
        (whole(width).max(1) as u32, whole(height).max(1) as u32),
    );
    let Some(y) = &panel.y else {
        return write(
            root,
            "no values",
            (left, f64::midpoint(top, bottom)),
            SMALL * scale,
            LABEL,
            HPos::Left,
        );
    };
    let x = &panel.x;
    let mut chart = ChartBuilder::on(&area)
        .x_label_area_size(whole(foot))
        .y_label_area_size(whole(numbers))
        .build_cartesian_2d(x.clone(), y.clone())?;
    let label = style(SMALL * scale, LABEL);
    let line = |width: f64| whole(width * scale).max(1) as u32;
    chart
        .configure_mesh()
        .axis_style(AXIS.stroke_width(line(1.0)))
        .bold_line_style(GRID.stroke_width(line(1.0)))
        .light_line_style(TRANSPARENT)
        .label_style(label)
        .set_tick_mark_size(LabelAreaPosition::Bottom, whole(3.5 * scale))
        .set_tick_mark_size(LabelAreaPosition::Left, whole(3.5 * scale))
        .draw()?;
    let middle = (f64::midpoint(left, right), bottom + foot + 0.65 * SMALL * scale);
    write(root, &panel.x_label, middle, SMALL * scale, LABEL, HPos::Center)?;

    let pixel = (x.to - x.from) / ((right - left) / scale).max(1.0);
    let pale = |color: RGBColor| color.mix(0.25);
    for Drawn { curve, color, .. } in panel.curves.iter().filter(|drawn| drawn.curve.smooth > 1) {
        let all = strokes(&curve.points, x, y, pixel);
        let seen = all.iter().flat_map(|stroke| clipped(stroke, &(y.from..=y.to)));
        let style = |color: RGBAColor| color.stroke_width(line(1.2));
        chart.draw_series(seen.map(|stroke| PathElement::new(stroke, style(pale(*color)))))?;
    }
    for Drawn { points, color, .. } in &panel.curves {
        let strokes = strokes(points, x, y, pixel);
        let count = points.iter().filter(|point| point.1.is_finite()).count();
        for stroke in strokes {
            // A point between gaps would not be seen otherwise.
            if stroke.len() == 1 || count <= MOST_DOTS {
                let dot = |at: &(f64, f64)| Circle::new(*at, whole(3.0 * scale), color.filled());
                chart.draw_series(stroke.iter().map(dot))?;
            }
            chart.draw_series(once(PathElement::new(stroke, color.stroke_width(line(1.7)))))?;
        }
    }
    Ok(())
}
