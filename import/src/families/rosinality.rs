//! State dicts of rosinality's networks, which differ from the original's in more than names.
//!
//! | there                                            | here                                                   |
//! |--------------------------------------------------|--------------------------------------------------------|
//! | weights of styles and `to_rgb` have gain `√2`     | gain 1: stored weight times `√2`                       |
//! | no learning rate multiplier in the mapping        | stored weight and bias divided by it                   |
//! | noise strength times `√(2 / channels)`            | stored strength times that                             |
//! | the scale of a style is used as it is             | 1 is added: 1 is taken off the stored bias             |
//! | no bias at the constant                           | a bias of zeros                                        |
//! | fused up-convolution of means, `[in, out, 3, 3]`   | of sums: a quarter, other axes, turned around          |
//! | bias before the blur, epsilon 1e-5, one noise image a side | `bias_before_blur`, `norm_epsilon`, `noise_per_block` |
//! | no mean of w, no stored noise                     | computed, drawn                                        |
//!
//! All sides from 4 to 1024 are there whatever was trained. The critic differs in its widths and its statistics of a
//! minibatch, so it does not map.

use std::f64::consts::SQRT_2;

use stylegan_checkpoint::{Meta, Network};
use stylegan_generator::GeneratorConfig;
use stylegan_ops::Widths;

use crate::Store;
use crate::change::Change;
use crate::conversion::{Arrays, Conversion, Origin, computed};
use crate::names::{Name, upscales};
use crate::refusals::Refusals;
use crate::{ErrorKind, Result};

const FIRST_DENSE: &str = "style.1.linear.weight_orig";

/// Whether these are the names of such a generator.
pub(crate) fn is_generator(has: impl Fn(&str) -> bool) -> bool {
    has(FIRST_DENSE) && has("generator.progression.0.conv1.input")
}

fn to_rgb(side: usize) -> String {
    format!("generator.to_rgb.{}.conv.weight_orig", block(side))
}

fn block(side: usize) -> u32 {
    (side / 4).max(1).ilog2()
}

pub(crate) fn conversion(
    arrays: &Arrays,
    store: &Store,
    source: String,
    resolution: Option<usize>,
) -> Result<Conversion> {
    let largest = super::largest(|side| arrays.contains_key(&to_rgb(side)));
    let Some(resolution) = resolution else {
        return Err(store.refused(ErrorKind::UntoldResolution { largest }));
    };
    if resolution > largest || !resolution.is_power_of_two() || resolution < 8 {
        return Err(store.refused(ErrorKind::NoSuchResolution { asked: resolution, largest }));
    }
    let shape = |name: String| match arrays.get(&name) {
        Some(array) => Ok(array.shape().to_vec()),
        None => Err(store.lacks(name)),
    };
    let widths = super::sides(resolution)
        .map(|side| Ok((side, shape(to_rgb(side))?.get(1).copied().unwrap_or(0))))
        .collect::<Result<Vec<_>>>()?;
    let widths = super::widths_of(Widths::default(), &widths, store)?;
    let (w_dim, z_dim) = super::matrix(&shape(FIRST_DENSE.to_owned())?);
    let generator = GeneratorConfig {
        resolution: resolution.into(),
        z_dim,
        w_dim,
        mapping_fmaps: w_dim,
        mapping_layers: super::count(|index| arrays.contains_key(&dense(index, "weight_orig"))),
        widths,
        norm_epsilon: 1e-5,
        bias_before_blur: true,
        noise_per_block: true,
        ..GeneratorConfig::default()
    };
    let lrmul = generator.mapping_lrmul;
    let meta = Meta { generator, source: Some(source), ..Meta::default() };
    Conversion::new(store, meta, &[(Network::GEma, arrays)], |name| origin(name, arrays, lrmul))
}

fn dense(index: usize, part: &str) -> String {
    format!("style.{}.linear.{part}", 2 * index + 1)
}

fn origin(name: Name<'_>, arrays: &Arrays, lrmul: f64) -> Option<Origin> {
    let theirs = |part| if part == "weight" { "weight_orig" } else { "bias" };
    match name {
        Name::Dense { index, part } => {
            Origin::of(dense(index, theirs(part)), Change::NONE.times(1.0 / lrmul))
        }
        Name::Const => Origin::of("generator.progression.0.conv1.input", Change::NONE),
        Name::ToRgb { side, part } => {
            let factor = if part == "weight" { SQRT_2 } else { 1.0 };
            let name = format!("generator.to_rgb.{}.conv.{}", block(side), theirs(part));
            Origin::of(name, Change::NONE.times(factor))
        }
        Name::Layer { index: 0, part: "bias" } => Some(Origin::Zeros),
        Name::Layer { index, part } => {
            let (layer, side) = (format!("generator.progression.{}", index / 2), index % 2 + 1);
            let strength = format!("{layer}.noise{side}.weight_orig");
            let fused = format!("{layer}.conv1.0");
            match part {
                "noise_strength" => {
                    let channels = arrays.get(&strength)?.shape().get(1).copied()?;
                    Origin::of(strength, Change::FLAT.times((2.0 / channels as f64).sqrt()))
                }
                "style_weight" => Origin::of(
                    format!("{layer}.adain{side}.style.linear.weight_orig"),
                    Change::NONE.times(SQRT_2),
                ),
                "style_bias" => Origin::of(
                    format!("{layer}.adain{side}.style.linear.bias"),
                    Change::NONE.scales_plus(-1.0),
                ),
                "weight" | "bias" if !upscales(index) => {
                    Origin::of(format!("{layer}.conv2.conv.{}", theirs(part)), Change::NONE)
                }
                "weight" if arrays.contains_key(&format!("{fused}.weight")) => {
                    Origin::of(format!("{fused}.weight"), Change::TRANSPOSED_KERNEL.flipped(true).times(0.25))
                }
                "bias" if arrays.contains_key(&format!("{fused}.bias")) => {
                    Origin::of(format!("{fused}.bias"), Change::NONE)
                }
                "weight" | "bias" => {
                    Origin::of(format!("{layer}.conv1.1.conv.{}", theirs(part)), Change::NONE)
                }
                _ => computed(name, true),
            }
        }
        _ => computed(name, true),
    }
}
