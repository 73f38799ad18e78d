//! State dicts of lernapparat's networks, and of huangzh13's, which were made from these: the original's, by other names,
//! with axes in PyTorch's order.
//!
//! | there                                     | here                                                     |
//! |-------------------------------------------|----------------------------------------------------------|
//! | epsilon 1e-5                              | `norm_epsilon`                                           |
//! | huangzh13: no blur unless asked for       | `blur` if its kernel is in the file                      |
//! | huangzh13: `class_embedding`              | `label_embed`, for labels with a single 1                |
//! | lernapparat: `to_rgb` of full size alone  | zeros for the smaller sides, which draw nothing then     |
//! | no stored noise, one image for each layer | drawn                                                    |
//! | lernapparat: mean of w, mostly left out   | as it is, or computed                                    |
//! | huangzh13: mean of w                      | computed                                                 |
//!
//! huangzh13's averaged generator has a mean of w that is none: it follows the pictures that are drawn while training, whose
//! first latent is always the same; and files converted from the original's hold zeros there.
//!
//! The level of detail is in the name of huangzh13's files alone, `GAN_GEN_SHADOW_5_20.pth` for depth 5. Its critic lacks an
//! activation, so it does not map.

use std::path::Path;

use stylegan_checkpoint::{Meta, Network, Progress};
use stylegan_generator::{GeneratorConfig, SeedStyle};
use stylegan_ops::Widths;

use super::Family;
use super::official::AUTO_FUSED_FROM;
use crate::Store;
use crate::change::Change;
use crate::conversion::{Arrays, Conversion, Origin, computed};
use crate::names::{Name, side_of, upscales};
use crate::refusals::Refusals;
use crate::{ErrorKind, Result};

const MEAN_W: &str = "truncation.avg_latent";
const CLASSES: &str = "class_embedding.weight";

/// Whose generator has these names, if one of the two has.
pub(crate) fn family(has: impl Fn(&str) -> bool) -> Option<Family> {
    if has("g_mapping.map.dense0.weight") && has("g_synthesis.init_block.const") {
        Some(Family::Huangzh13)
    } else {
        (has("g_mapping.dense0.weight") && has("g_synthesis.blocks.4x4.const")).then_some(Family::Lernapparat)
    }
}

pub(crate) fn conversion(
    family: Family,
    arrays: &Arrays,
    store: &mut Store,
    source: String,
) -> Result<Conversion> {
    let names = Names { is_huangzh13: family == Family::Huangzh13 };
    let generator = generator(names, arrays, store)?;
    let deepest = generator.resolution.doublings();
    let depth = depth_of(store.path()).filter(|&depth| names.is_huangzh13 && depth < deepest);
    let progress = Progress { nimg: 0, lod: f64::from(deepest - depth.unwrap_or(deepest)) };
    let resolution = generator.resolution.side();
    let meta = Meta {
        generator,
        progress,
        // Their figures are those of the original's seeds.
        seed_style: SeedStyle::Numpy,
        source: Some(source),
        ..Meta::default()
    };
    Conversion::new(store, meta, &[(Network::GEma, arrays)], |name| names.origin(name, resolution, arrays))
}

fn generator(names: Names, arrays: &Arrays, store: &mut Store) -> Result<GeneratorConfig> {
    let shape = |name: String| match arrays.get(&name) {
        Some(array) => Ok(array.shape().to_vec()),
        None => Err(store.lacks(name)),
    };
    let bias = |side| format!("{}.bias", names.second_conv(side));
    let resolution = super::largest(|side| arrays.contains_key(&bias(side)));
    let widths = super::sides(resolution)
        .map(|side| Ok((side, super::numbers(&shape(bias(side))?))))
        .collect::<Result<Vec<_>>>()?;
    let widths = super::widths_of(Widths::default(), &widths, store)?;
    let label_dim = arrays.get(CLASSES).map_or(0, |array| array.shape().first().copied().unwrap_or(0));
    let (mapping_fmaps, z_and_label) = super::matrix(&shape(names.dense(0, "weight"))?);
    let (_, w_dim) = super::matrix(&shape(format!("{}.epi1.style_mod.lin.weight", names.block(4)))?);
    let mapping_layers = super::count(|index| arrays.contains_key(&names.dense(index, "weight")));
    let noise = arrays.contains_key(&format!("{}.epi1.top_epi.noise.weight", names.block(4)));
    let usual = GeneratorConfig::default();
    Ok(GeneratorConfig {
        resolution: resolution.into(),
        z_dim: if label_dim > 0 { z_and_label / 2 } else { z_and_label },
        w_dim,
        mapping_layers,
        mapping_fmaps: if mapping_layers > 1 { mapping_fmaps } else { usual.mapping_fmaps },
        label_dim,
        widths,
        noise,
        blur: blur(names, arrays, store)?,
        norm_epsilon: 1e-5,
        ..usual
    })
}

/// Whether there is a blur, which must be the paper's.
fn blur(names: Names, arrays: &Arrays, store: &mut Store) -> Result<bool> {
    const PAPER: [f32; 9] = [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0];
    let name = format!("{}.conv0_up.intermediate.kernel", names.block(8));
    let Some(array) = arrays.get(&name) else { return Ok(false) };
    if array.shape() == [1, 1, 3, 3] {
        let kernel = array.tensor(&name, store)?.to_dtype(candle_core::DType::F32);
        let kernel = kernel.and_then(|kernel| kernel.flatten_all()?.to_vec1::<f32>());
        let kernel = kernel.map_err(|error| store.wrong(error))?;
        if kernel.iter().zip(PAPER).all(|(own, paper)| (16.0 * own - paper).abs() < 1e-5) {
            return Ok(true);
        }
    }
    let whose = if names.is_huangzh13 { "huangzh13" } else { "lernapparat" };
    Err(store.refused(ErrorKind::OtherArchitecture { whose, has: "another blur than the paper's [1, 2, 1]" }))
}

/// Which of the two ways to name things.
#[derive(Clone, Copy)]
struct Names {
    is_huangzh13: bool,
}

impl Names {
    fn dense(self, index: usize, part: &str) -> String {
        let folder = if self.is_huangzh13 { "map." } else { "" };
        format!("g_mapping.{folder}dense{index}.{part}")
    }

    fn block(self, side: usize) -> String {
        match (self.is_huangzh13, side) {
            (true, 4) => "g_synthesis.init_block".to_owned(),
            (true, _) => format!("g_synthesis.blocks.{}", (side / 8).max(1).ilog2()),
            (false, _) => format!("g_synthesis.blocks.{side}x{side}"),
        }
    }

    fn second_conv(self, side: usize) -> String {
        format!("{}.conv{}", self.block(side), if side == 4 { "" } else { "1" })
    }

    fn to_rgb(self, side: usize, resolution: usize) -> Option<String> {
        if self.is_huangzh13 {
            return Some(format!("g_synthesis.to_rgb.{}", (side / 4).max(1).ilog2()));
        }
        (side == resolution).then(|| "g_synthesis.torgb".to_owned())
    }

    fn origin(self, name: Name<'_>, resolution: usize, arrays: &Arrays) -> Option<Origin> {
        match name {
            Name::WAvg if !self.is_huangzh13 && arrays.contains_key(MEAN_W) => {
                Origin::of(MEAN_W, Change::NONE)
            }
            Name::LabelEmbed => Origin::of(CLASSES, Change::NONE),
            Name::Dense { index, part } => Origin::of(self.dense(index, part), Change::NONE),
            Name::Const => Origin::of(format!("{}.const", self.block(4)), Change::NONE),
            Name::ToRgb { side, part } => match self.to_rgb(side, resolution) {
                Some(to_rgb) => Origin::of(format!("{to_rgb}.{part}"), Change::NONE),
                None => Some(Origin::Zeros),
            },
            Name::Layer { index, part } => {
                let side = side_of(index);
                let (block, number) = (self.block(side), index % 2 + 1);
                match part {
                    "weight" | "bias" => {
                        let conv = match index {
                            0 => block,
                            _ if upscales(index) => format!("{block}.conv0_up"),
                            _ => self.second_conv(side),
                        };
                        let flips = part == "weight" && upscales(index) && side >= AUTO_FUSED_FROM;
                        Origin::of(format!("{conv}.{part}"), Change::NONE.flipped(flips))
                    }
                    "noise_strength" => {
                        Origin::of(format!("{block}.epi{number}.top_epi.noise.weight"), Change::NONE)
                    }
                    "style_weight" => {
                        Origin::of(format!("{block}.epi{number}.style_mod.lin.weight"), Change::NONE)
                    }
                    "style_bias" => {
                        Origin::of(format!("{block}.epi{number}.style_mod.lin.bias"), Change::NONE)
                    }
                    _ => computed(name, false),
                }
            }
            _ => computed(name, false),
        }
    }
}

/// The depth that the name of a snapshot tells, from 0 for 4x4 on: `GAN_GEN_SHADOW_5_20.pth`, `GAN_GEN_5_20.pth`.
fn depth_of(path: &Path) -> Option<u32> {
    let numbers = path.file_stem()?.to_str()?.strip_prefix("GAN_GEN_")?;
    let (depth, _epoch) = numbers.strip_prefix("SHADOW_").unwrap_or(numbers).split_once('_')?;
    depth.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_snapshot_tells_its_depth() {
        for (name, depth) in [
            ("GAN_GEN_SHADOW_5_20.pth", Some(5)),
            ("GAN_GEN_0_1.pth", Some(0)),
            ("GAN_GEN_OPTIM_5_20.pth", None),
            ("GAN_DIS_5_20.pth", None),
            ("faces.pth", None),
        ] {
            assert_eq!(depth_of(Path::new(name)), depth, "{name}");
        }
    }
}
