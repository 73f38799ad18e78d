//! Figures as pixels and as documents.

use image::RgbImage;
use plotters::backend::SVGBackend;
use stylegan_base::Resolution;
use tiny_skia::{Color, Pixmap};

use crate::draw::draw;
use crate::figure::{Error, Figure, LEAST_SIDE, MOST_SIDE};
use crate::layout::{Layout, UNITS};
use crate::raster::Raster;

impl Figure {
    /// Its pixels, on white.
    ///
    /// # Errors
    /// If `size` is not of [`LEAST_SIDE`] to [`MOST_SIDE`] pixels, or there are more than [`MOST_RUNS`](crate::MOST_RUNS) runs.
    pub fn picture(&self, size: Resolution) -> Result<RgbImage, Error> {
        let layout = self.layout(size)?;
        let (width, height) = (size.width as u32, size.height as u32);
        let mut pixmap = Pixmap::new(width, height).ok_or(Error::Size(size))?;
        pixmap.fill(Color::WHITE);
        draw(Raster::new(&mut pixmap), &layout).map_err(|error| Error::Drawing(error.to_string()))?;
        // Nothing is seen through white, so that what is multiplied with alpha is what it was before.
        let pixels = pixmap.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]);
        RgbImage::from_raw(width, height, pixels.collect()).ok_or(Error::Size(size))
    }

    /// The same as an SVG document, with texts as texts.
    ///
    /// # Errors
    /// As [`Figure::picture`].
    pub fn svg(&self, size: Resolution) -> Result<String, Error> {
        let layout = self.layout(size)?;
        let mut document = String::new();
        let inner = [size.width, size.height].map(|side| side as u32 * UNITS);
        let backend = SVGBackend::with_string(&mut document, (inner[0], inner[1]));
        draw(backend, &layout).map_err(|error| Error::Drawing(error.to_string()))?;
        // The crate knows whole units alone, and draws joints that stick out.
        let (_, rest) =
            document.split_once('>').ok_or_else(|| Error::Drawing("it has no head".to_owned()))?;
        let (Resolution { width, height }, [inner_width, inner_height]) = (size, inner);
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {inner_width} {inner_height}\" stroke-linejoin=\"round\" stroke-linecap=\"round\">{rest}"
        ))
    }

    fn layout(&self, size: Resolution) -> Result<Layout<'_>, Error> {
        let sides = LEAST_SIDE..=MOST_SIDE;
        if !sides.contains(&size.width) || !sides.contains(&size.height) {
            return Err(Error::Size(size));
        }
        Layout::new(self, size)
    }
}
