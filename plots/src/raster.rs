//! Pixels of what is drawn.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use crate::font;
use crate::layout::{FONT_UNITS, UNITS};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Draws with smooth edges, which the bitmaps of the plotting crate do not have.
pub(crate) struct Raster<'a> {
    pixmap: &'a mut Pixmap,
}

impl<'a> Raster<'a> {
    pub(crate) fn new(pixmap: &'a mut Pixmap) -> Self {
        Self { pixmap }
    }

    fn stroke(&mut self, path: Option<Path>, color: BackendColor, width: f32) {
        let stroke =
            Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        if let Some(path) = path {
            self.pixmap.stroke_path(&path, &paint(color), &stroke, Transform::identity(), None);
        }
    }

    fn fill(&mut self, path: Option<Path>, color: BackendColor) {
        if let Some(path) = path {
            self.pixmap.fill_path(&path, &paint(color), FillRule::Winding, Transform::identity(), None);
        }
    }
}

fn paint(BackendColor { alpha, rgb: (red, green, blue) }: BackendColor) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (alpha * 255.0).round() as u8);
    paint
}

fn pixels(units: i32) -> f32 {
    units as f32 / UNITS as f32
}

/// A line that covers whole pixels, if it is level or upright.
fn line((from, to): (BackendCoord, BackendCoord), width: f32) -> Option<Path> {
    let crisp = |units| {
        let middle = if (width.round() as u32).is_multiple_of(2) { 0.0 } else { 0.5 };
        (pixels(units) - middle).round() + middle
    };
    let x = |at: BackendCoord| if from.0 == to.0 { crisp(at.0) } else { pixels(at.0) };
    let y = |at: BackendCoord| if from.1 == to.1 { crisp(at.1) } else { pixels(at.1) };
    let mut path = PathBuilder::new();
    path.move_to(x(from), y(from));
    path.line_to(x(to), y(to));
    path.finish()
}

fn polygon(points: impl IntoIterator<Item = BackendCoord>) -> PathBuilder {
    let mut path = PathBuilder::new();
    for (x, y) in points {
        let (x, y) = (pixels(x), pixels(y));
        if path.is_empty() { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.pixmap.width() * UNITS, self.pixmap.height() * UNITS)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + UNITS as i32, y + UNITS as i32), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let width = pixels(style.stroke_width() as i32);
        self.stroke(line((from, to), width), style.color(), width);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let [left, top, right, bottom] =
            [upper_left.0, upper_left.1, bottom_right.0, bottom_right.1].map(pixels);
        let path = Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect);
        if fill {
            self.fill(path, style.color());
        } else {
            self.stroke(path, style.color(), pixels(style.stroke_width() as i32));
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        if let [from, to] = points[..] {
            return self.draw_line(from, to, style);
        }
        self.stroke(polygon(points).finish(), style.color(), pixels(style.stroke_width() as i32));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let path = PathBuilder::from_circle(pixels(x), pixels(y), pixels(radius as i32));
        if fill {
            self.fill(path, style.color());
        } else {
            self.stroke(path, style.color(), pixels(style.stroke_width() as i32));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vertices: I,
        style: &S,
    ) -> Drawn {
        let mut path = polygon(vertices);
        path.close();
        self.fill(path.finish(), style.color());
        Ok(())
    }

    /// Where an SVG has it.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let size = style.size() / FONT_UNITS / f64::from(UNITS);
        let width = font::width(text, size) as f32;
        let size = size as f32;
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.5 * font::x_height(),
            VPos::Bottom => -0.5 * font::x_height(),
        };
        let outline = font::outline(text, size, pixels(x) + left, pixels(y) + down * size);
        self.fill(outline, style.color());
        Ok(())
    }
}
