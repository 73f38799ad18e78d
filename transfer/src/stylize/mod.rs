//! Pictures in styles: of any size, in tiles if they are large.

mod mask;
mod moments;
mod pixels;
mod tiles;

use candle_core::{Result as TensorResult, Tensor};
use image::{GrayImage, RgbImage};
use tracing::field::Empty;

use crate::error::{Error, Result};
use crate::{Decoder, Encoder, Statistics, adain};
use mask::Shares;
use moments::Moments;
use pixels::{Area, put, to_tensor};
use tiles::{Part, Tile, Tiles};

/// Pixels along a tile, unless something else is asked for.
pub const TILE: usize = 512;

/// An encoder and the decoder that was trained for it.
#[derive(Debug)]
pub struct Stylizer {
    encoder: Encoder,
    decoder: Decoder,
    tile: usize,
}

/// A picture about to be drawn in styles: what the encoder sees in it.
#[derive(Debug)]
pub struct Content<'a> {
    stylizer: &'a Stylizer,
    picture: &'a RgbImage,
    tiles: Tiles,
    /// Of a picture that is drawn whole.
    features: Option<Tensor>,
    /// Of a picture that is cut or masked, by region.
    regions: Vec<Region>,
}

/// A part of a picture, with what its features are like.
#[derive(Debug)]
struct Region {
    statistics: Statistics,
    /// The share that it has of each feature, `[1, 1, rows, columns]`; all of it without masks.
    shares: Option<Tensor>,
}

impl Stylizer {
    /// Draws with this encoder and decoder, on the encoder's device.
    ///
    /// # Errors
    /// If the decoder is for features of other channels.
    pub fn new(encoder: Encoder, decoder: Decoder) -> Result<Self> {
        let (features, channels) = (decoder.config().features, encoder.channels());
        if features != channels {
            return Err(candle_core::Error::Msg(format!(
                "the decoder is for {features} features, and the encoder gives {channels}"
            ))
            .into());
        }
        Ok(Self { encoder, decoder, tile: TILE })
    }

    /// The same with other tiles, of so many pixels along each side: a picture of more pixels than four of them have is cut.
    #[must_use]
    pub fn with_tile(mut self, pixels: usize) -> Self {
        self.tile = pixels;
        self
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// What a picture's style is, the whole of it, which may be cut into tiles for that.
    ///
    /// # Errors
    /// If the picture is too small, which `what` names, or the device fails.
    pub fn style(&self, what: &str, picture: &RgbImage) -> Result<Statistics> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let least = self.encoder.least_side();
        if width.min(height) < least {
            return Err(Error::TooSmall { what: what.to_owned(), width, height, least });
        }
        let tiles = Tiles::new([width, height], self.tile);
        if tiles.is_whole() {
            let area = Area { rows: 0..height, columns: 0..width };
            let picture = to_tensor(picture, &area, self.encoder.device())?;
            return Ok(Statistics::of(&self.encoder.features(&picture)?)?);
        }
        let statistics = self.moments(picture, tiles, &[None])?.pop();
        statistics.ok_or_else(|| candle_core::Error::Msg("a picture without tiles".to_owned()).into())
    }

    /// Looks at a picture, which may have any size. With masks, each region that they mark takes a style of its own, and what
    /// none of them marks stays as it is.
    ///
    /// # Errors
    /// If a mask marks nothing, or the device fails.
    pub fn content<'a>(&'a self, picture: &'a RgbImage, masks: &[GrayImage]) -> Result<Content<'a>> {
        let tiles = Tiles::new([picture.width() as usize, picture.height() as usize], self.tile);
        let device = self.encoder.device();
        let [rows, columns] = tiles.features;
        let mut shares = vec![None];
        if !masks.is_empty() {
            let maps = Shares::of(masks, picture, tiles)?.maps.into_iter();
            let tensor = |map| Ok(Some(Tensor::from_vec(map, (1, 1, rows, columns), device)?));
            shares = maps.map(tensor).collect::<TensorResult<_>>()?;
        }
        let (mut features, mut regions) = (None, Vec::new());
        if tiles.is_whole() && masks.is_empty() {
            features = tiles.all().first().map(|tile| self.encode(picture, tile.to_draw())).transpose()?;
        } else {
            let statistics = self.moments(picture, tiles, &shares)?;
            let of = |(statistics, shares)| Region { statistics, shares };
            regions = statistics.into_iter().zip(shares).map(of).collect();
        }
        Ok(Content { stylizer: self, picture, tiles, features, regions })
    }

    /// The statistics of each region of a picture, tile by tile.
    fn moments(
        &self,
        picture: &RgbImage,
        tiles: Tiles,
        shares: &[Option<Tensor>],
    ) -> Result<Vec<Statistics>> {
        let all = tiles.all();
        let span = tracing::info_span!("measuring tiles", total = all.len() as u64, done = Empty).entered();
        let mut moments = vec![Moments::new(self.encoder.channels()); shares.len()];
        for (number, tile) in all.iter().enumerate() {
            let (area, parts) = tile.to_measure();
            let features = self.encode(picture, (area, parts.clone()))?;
            for (moments, shares) in moments.iter_mut().zip(shares) {
                let shares = shares.as_ref().map(|shares| cut(shares, &parts)).transpose()?;
                moments.add(&features, shares.as_ref())?;
            }
            span.record("done", number as u64 + 1);
        }
        Ok(moments
            .iter()
            .map(|moments| moments.statistics(self.encoder.device()))
            .collect::<TensorResult<_>>()?)
    }

    /// The wanted features of an area.
    fn encode(&self, picture: &RgbImage, (area, parts): (Area, [Part; 2])) -> Result<Tensor> {
        let features = self.encoder.features(&to_tensor(picture, &area, self.encoder.device())?)?;
        let [rows, columns] = parts.map(|part| part.wanted);
        let features = features.narrow(2, rows.start, rows.len())?.narrow(3, columns.start, columns.len())?;
        Ok(features.contiguous()?)
    }
}

impl Content<'_> {
    /// Draws the picture in styles, one for each region: `alpha` is how far it goes, from 0, where the decoder draws the
    /// content's own features, to 1.
    ///
    /// # Errors
    /// If there are not as many styles as regions, or the device fails.
    pub fn draw(&self, styles: &[Statistics], alpha: f64) -> Result<RgbImage> {
        if styles.len() != self.regions.len().max(1) {
            let (styles, regions) = (styles.len(), self.regions.len().max(1));
            return Err(Error::Masks(format!("{styles} styles are given for {regions} regions")));
        }
        let mut drawn = RgbImage::new(self.picture.width(), self.picture.height());
        let all = self.tiles.all();
        let span = tracing::info_span!("drawing tiles", total = all.len() as u64, done = Empty).entered();
        for (number, tile) in all.iter().enumerate() {
            let features = self.restyled(tile, styles, alpha)?;
            let pixels = self.stylizer.decoder.forward(&features)?;
            let [rows, columns] = tile.drawn();
            let pixels = pixels.narrow(2, rows.start, rows.len())?.narrow(3, columns.start, columns.len())?;
            put(&mut drawn, &pixels, tile.at())?;
            span.record("done", number as u64 + 1);
        }
        Ok(drawn)
    }

    /// The features of a tile and around it, in styles.
    fn restyled(&self, tile: &Tile, styles: &[Statistics], alpha: f64) -> Result<Tensor> {
        let (area, parts) = tile.to_draw();
        if let (Some(features), [style]) = (&self.features, styles) {
            return Ok(part_of_the_way(features, &adain(features, style)?, alpha)?);
        }
        let features = self.stylizer.encode(self.picture, (area, parts.clone()))?;
        let mut restyled = features.clone();
        for (Region { statistics, shares }, style) in self.regions.iter().zip(styles) {
            let per_channel = |x: &Tensor| x.unsqueeze(2)?.unsqueeze(3);
            // By the statistics of all of the region, of which this tile is a part.
            let scale = per_channel(&(&style.deviation / &statistics.deviation)?)?;
            let own = features.broadcast_sub(&per_channel(&statistics.mean)?)?.broadcast_mul(&scale)?;
            let step = (own.broadcast_add(&per_channel(&style.mean)?)? - &features)?;
            restyled = match shares {
                Some(shares) => (restyled + step.broadcast_mul(&cut(shares, &parts)?)?)?,
                None => (restyled + step)?,
            };
        }
        Ok(part_of_the_way(&features, &restyled, alpha)?)
    }
}

/// `(1 - alpha) * from + alpha * to`
fn part_of_the_way(from: &Tensor, to: &Tensor, alpha: f64) -> TensorResult<Tensor> {
    if alpha == 1.0 { Ok(to.clone()) } else { stylegan_ops::blend(from, to, alpha) }
}

/// The wanted part of a map of all features.
fn cut(map: &Tensor, parts: &[Part; 2]) -> TensorResult<Tensor> {
    let [rows, columns] = [&parts[0], &parts[1]].map(Part::places);
    map.narrow(2, rows.start, rows.len())?.narrow(3, columns.start, columns.len())
}
