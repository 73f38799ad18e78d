//! State dicts of genforce's networks: the original's, by other names, with axes in PyTorch's order.

use stylegan_checkpoint::{Meta, Network, Progress};
use stylegan_discriminator::CriticConfig;
use stylegan_generator::GeneratorConfig;
use stylegan_ops::Widths;

use super::official::AUTO_FUSED_FROM;
use crate::Result;
use crate::Store;
use crate::change::Change;
use crate::conversion::{Arrays, Conversion, Origin};
use crate::names::{Name, side_of, upscales};
use crate::refusals::Refusals;

/// The state dicts of a file.
pub(crate) struct Dicts {
    /// The generator as it is trained, and the critic.
    pub(crate) training: Option<(Arrays, Arrays)>,
    pub(crate) averaged: Arrays,
    /// Pictures shown, if the file says so.
    pub(crate) nimg: Option<u64>,
}

/// Whether these are the names of such a generator.
pub(crate) fn is_generator(has: impl Fn(&str) -> bool) -> bool {
    has("mapping.dense0.weight") && has("synthesis.layer0.const") && has("synthesis.layer0.style.weight")
}

pub(crate) fn conversion(dicts: &Dicts, store: &mut Store, source: String) -> Result<Conversion> {
    let Dicts { training, averaged, nimg } = dicts;
    let generator = generator(averaged, store)?;
    let resolution = generator.resolution.side();
    let critic = training.as_ref().map(|(_, d)| critic(d, generator.label_dim, store)).transpose()?;
    let lod = match averaged.get("synthesis.lod") {
        Some(array) => array.scalar(store)?.unwrap_or(0.0),
        None => 0.0,
    };
    let progress = Progress { nimg: nimg.unwrap_or(0), lod };
    let meta = Meta { generator, critic, progress, source: Some(source), ..Meta::default() };
    let mut networks = vec![(Network::GEma, averaged)];
    if let Some((g, d)) = training {
        networks.extend([(Network::G, g), (Network::D, d)]);
    }
    Conversion::new(store, meta, &networks, |name| origin(name, resolution))
}

fn shape<'a>(arrays: &'a Arrays, name: &str, store: &Store) -> Result<&'a [usize]> {
    match arrays.get(name) {
        Some(array) => Ok(array.shape()),
        None => Err(store.lacks(name)),
    }
}

fn generator(arrays: &Arrays, store: &Store) -> Result<GeneratorConfig> {
    let bias = |side: usize| format!("synthesis.layer{}.bias", 2 * (side / 4).ilog2() + 1);
    let resolution = super::largest(|side| arrays.contains_key(&bias(side)));
    let widths = super::sides(resolution)
        .map(|side| Ok((side, super::numbers(shape(arrays, &bias(side), store)?))))
        .collect::<Result<Vec<_>>>()?;
    let widths = super::widths_of(Widths::default(), &widths, store)?;
    let label_dim =
        arrays.get("mapping.label_weight").map_or(0, |array| array.shape().first().copied().unwrap_or(0));
    let (mapping_fmaps, z_and_label) = super::matrix(shape(arrays, "mapping.dense0.weight", store)?);
    let mapping_layers = super::count(|index| arrays.contains_key(&format!("mapping.dense{index}.weight")));
    let usual = GeneratorConfig::default();
    Ok(GeneratorConfig {
        resolution: resolution.into(),
        z_dim: if label_dim > 0 { z_and_label / 2 } else { z_and_label },
        w_dim: super::numbers(shape(arrays, "truncation.w_avg", store)?),
        mapping_layers,
        mapping_fmaps: if mapping_layers > 1 { mapping_fmaps } else { usual.mapping_fmaps },
        label_dim,
        widths,
        ..usual
    })
}

fn critic(arrays: &Arrays, label_dim: usize, store: &Store) -> Result<CriticConfig> {
    let blocks = super::count(|block| arrays.contains_key(&format!("input{block}.bias"))).max(1);
    let resolution = 2 << blocks.min(30);
    let hidden = format!("layer{}.bias", 2 * blocks - 1);
    let mut widths = vec![(2, super::numbers(shape(arrays, &hidden, store)?))];
    for block in 0..blocks {
        let bias = shape(arrays, &format!("input{block}.bias"), store)?;
        widths.push((resolution >> block, super::numbers(bias)));
    }
    let widths = super::widths_of(Widths::default(), &widths, store)?;
    Ok(CriticConfig { resolution: resolution.into(), label_dim, widths, ..CriticConfig::default() })
}

fn origin(name: Name<'_>, resolution: usize) -> Option<Origin> {
    // Blocks of the critic are counted from the pictures on.
    let block = |side: usize| (resolution / side).ilog2();
    let same = |name: String| Origin::of(name, Change::NONE);
    match name {
        Name::WAvg => same("truncation.w_avg".to_owned()),
        Name::LabelEmbed => same("mapping.label_weight".to_owned()),
        Name::Dense { index, part } => same(format!("mapping.dense{index}.{part}")),
        Name::Const => same("synthesis.layer0.const".to_owned()),
        Name::Layer { index, part } => {
            let flips = part == "weight" && upscales(index) && side_of(index) >= AUTO_FUSED_FROM;
            let part = match part {
                "weight" | "bias" => part,
                "noise_strength" => "apply_noise.weight",
                "noise_const" => "apply_noise.noise",
                "style_weight" => "style.weight",
                "style_bias" => "style.bias",
                _ => return None,
            };
            Origin::of(format!("synthesis.layer{index}.{part}"), Change::NONE.flipped(flips))
        }
        Name::ToRgb { side, part } => same(format!("synthesis.output{}.{part}", (side / 4).ilog2())),
        Name::FromRgb { side, part } => same(format!("input{}.{part}", block(side))),
        Name::Block { side, layer, part } => {
            let offset = match layer {
                "conv0" | "conv" => 0,
                "conv1_down" | "dense0" => 1,
                "dense1" => 2,
                _ => return None,
            };
            same(format!("layer{}.{part}", 2 * block(side) + offset))
        }
    }
}
