//! What packing would make of pictures.

use serde::Serialize;
use stylegan_base::Resolution;

use super::pictures::Pictures;
use crate::channels::Channels;
use crate::error::Error;
use crate::pack::sizes::Sizes;
use crate::pack::{Format, PackOptions, skips};
use crate::skipped::Skipped;

/// What packing would make of pictures without being told more, or made of those that are packed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Width and height of the largest level.
    pub resolution: Resolution,
    /// Channels of each picture.
    pub channels: Channels,
    /// How many pictures there would be.
    pub pictures: usize,
    /// How many of these would be cropped.
    pub cropped: usize,
    /// The pictures that are smaller and would be left out, each with its size.
    pub too_small: Vec<Skipped>,
    /// The largest resolution at which nearly nothing would be cropped, if nearly all pictures share a ratio that is not a
    /// square's and networks can have.
    pub uncropped: Option<Resolution>,
    /// Why packing would refuse them.
    pub refusal: Option<String>,
    /// Bytes of all levels.
    pub bytes: u64,
    /// About how long it takes on as many cores as looked at the pictures: as long as looking at these.
    pub secs: f64,
}

impl Forecast {
    /// Of the pictures that could be read, by their sizes; `secs_per_picture` is how long looking at one took.
    pub(super) fn new(
        pictures: &Pictures,
        sizes: Vec<Option<Resolution>>,
        unreadable: &[Skipped],
        secs_per_picture: f64,
    ) -> Self {
        let options = PackOptions::default();
        let source = match pictures {
            Pictures::Source(source) => source,
            Pictures::Pack(pyramid) => {
                let index = pyramid.index();
                return Self {
                    resolution: index.resolution,
                    channels: index.channels,
                    pictures: index.count,
                    cropped: index.other_ratio,
                    too_small: index.too_small.clone(),
                    uncropped: index.uncropped,
                    refusal: None,
                    bytes: index.pixel_bytes(),
                    secs: 0.0,
                };
            }
        };
        let sizes_known: Vec<(usize, Resolution)> =
            sizes.iter().enumerate().filter_map(|(number, size)| Some((number, (*size)?))).collect();
        let sizes = Sizes::new(sizes);
        let resolution = sizes.common_square(options.fit);
        let is_small = |size: Resolution| !options.fit.has_pixels(size, resolution);
        let (small, packed): (Vec<_>, Vec<_>) =
            sizes_known.into_iter().partition(|(_, size)| is_small(*size));
        let name = |number: usize| source.names().get(number).cloned().unwrap_or_default();
        let refusal = skips::check(source, unreadable, options.max_bad_fraction)
            .and_then(|()| sizes.too_small(source, resolution, options.fit))
            .map_err(|error: Error| error.to_string());
        let has_ratio = |size: Resolution| size.width * resolution.height == size.height * resolution.width;
        let format = Format { resolution, channels: options.channels, bits: options.bits };
        Self {
            resolution,
            channels: options.channels,
            pictures: packed.len(),
            cropped: packed.iter().filter(|(_, size)| !has_ratio(*size)).count(),
            too_small: small
                .into_iter()
                .map(|(number, size)| Skipped { name: name(number), reason: size.to_string() })
                .collect(),
            uncropped: sizes.uncropped(),
            refusal: refusal.err().or_else(|| packed.is_empty().then(|| "no picture can be read".to_owned())),
            bytes: packed.len() as u64 * format.bytes() as u64,
            secs: packed.len() as f64 * secs_per_picture,
        }
    }
}
