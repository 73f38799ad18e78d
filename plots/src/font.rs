//! The font that is part of the program.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// As an SVG names it, and what is much like it on other systems.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

static FACE: LazyLock<Option<Face<'static>>> =
    LazyLock::new(|| Face::parse(include_bytes!("../font/DejaVuSans-subset.ttf"), 0).ok());

/// Height of small letters, as a share of the size of the font.
pub(crate) fn x_height() -> f32 {
    let units =
        |face: &Face<'_>| face.x_height().map(|height| f32::from(height) / f32::from(face.units_per_em()));
    FACE.as_ref().and_then(units).unwrap_or(0.5)
}

/// Glyphs of a text with where each begins, and where the text ends, in units of the font.
fn glyphs(face: &'static Face<'static>, text: &str) -> (Vec<(GlyphId, f32)>, f32) {
    let mut at = 0.0;
    let glyph = |character| {
        let id = face.glyph_index(character).or_else(|| face.glyph_index(char::REPLACEMENT_CHARACTER));
        let id = id.unwrap_or_default();
        let begins = at;
        at += f32::from(face.glyph_hor_advance(id).unwrap_or(0));
        (id, begins)
    };
    let glyphs = text.chars().map(glyph).collect();
    (glyphs, at)
}

/// Width of a text in a font of `size`, in the unit of that.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let Some(face) = FACE.as_ref() else { return 0.0 };
    f64::from(glyphs(face, text).1) / f64::from(face.units_per_em()) * size
}

/// As much of a text as fits into `most`, with an ellipsis where it ends.
pub(crate) fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let room = most - width("…", size);
    let mut taken = 0.0;
    let fits = |character: &char| {
        taken += width(character.encode_utf8(&mut [0; 4]), size);
        taken <= room
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The outline of a text that begins at `(x, y)` of the base line; none where nothing is to be seen.
pub(crate) fn outline(text: &str, size: f32, x: f32, y: f32) -> Option<Path> {
    let face = FACE.as_ref()?;
    let scale = size / f32::from(face.units_per_em());
    let mut pen = Pen { path: PathBuilder::new(), scale, x, y };
    for (glyph, begins) in glyphs(face, text).0 {
        pen.x = x + begins * scale;
        face.outline_glyph(glyph, &mut pen);
    }
    pen.path.finish()
}

struct Pen {
    path: PathBuilder,
    scale: f32,
    x: f32,
    y: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_measured_and_cut() {
        // 1255 and 2048 units: the advance of `a`, and the size of the font.
        assert!((width("aa", 2048.0) - 2510.0).abs() < 1e-3);
        assert_eq!(fitted("00000-faces", 12.0, 200.0), "00000-faces");
        let cut = fitted("00000-faces", 12.0, 50.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 50.0, "{cut}");
        assert_eq!(fitted("00000-faces", 12.0, 0.0), "…");
        assert!(outline(" ", 12.0, 0.0, 0.0).is_none());
        // What the font lacks is seen to be there.
        let bounds = outline("顔", 100.0, 3.0, 50.0).unwrap().bounds();
        assert!(bounds.width() > 20.0 && bounds.left() > 0.0 && bounds.bottom() < 80.0);
    }
}
