//! The original's pickles: `(G, D, Gs)` or one network, TensorFlow variables by their names.

use std::path::Path;

use stylegan_checkpoint::{Meta, Network, Progress};
use stylegan_discriminator::{CriticConfig, CriticSwitches};
use stylegan_generator::{GeneratorConfig, SeedStyle};
use stylegan_ops::Widths;

use crate::Store;
use crate::change::Change;
use crate::conversion::{Arrays, Conversion, Origin, Purpose};
use crate::names::{Name, side_of, upscales};
use crate::others::printable;
use crate::pickle::{Class, Item};
use crate::refusals::Refusals;
use crate::{ErrorKind, Result, numpy};

/// One pickled network.
struct Pickled<'a> {
    function: &'a str,
    kwargs: Item<'a>,
    arrays: Arrays,
}

/// What a pickled network is, from the function that builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Generator,
    Critic,
    Part,
}

/// Whether a value is a network or a collection of networks.
pub(crate) fn is_one(root: Item<'_>) -> bool {
    networks(root).is_some()
}

fn networks(root: Item<'_>) -> Option<Vec<Item<'_>>> {
    let networks = root.items().unwrap_or_else(|| vec![root]);
    let is_network = |item: &Item<'_>| matches!(item.object(), Some((Class::Network, _, Some(_))));
    (!networks.is_empty() && networks.iter().all(is_network)).then_some(networks)
}

pub(crate) fn conversion(
    root: Item<'_>,
    store: &mut Store,
    source: String,
    purpose: Purpose,
) -> Result<Conversion> {
    let damaged = |store: &Store, reason: &str| Err(store.damaged(reason.to_owned()));
    let mut generators = Vec::new();
    let mut critics = Vec::new();
    for item in networks(root).unwrap_or_default() {
        let (kind, network) = Pickled::read(item, store)?;
        match kind {
            Kind::Generator => generators.push(network),
            Kind::Critic => critics.push(network),
            Kind::Part => {
                let reason = format!("it holds `{}` alone, which draws nothing", network.function);
                return damaged(store, &reason);
            }
        }
    }
    // The averaged generator comes last.
    let Some(averaged) = generators.last() else {
        return damaged(store, "it holds a critic alone, which draws nothing");
    };
    let generator = averaged.generator(store)?;
    let whole = match (&generators[..], &critics[..]) {
        ([g, averaged], [d]) if purpose == Purpose::Training => {
            Some([(Network::G, g), (Network::D, d), (Network::GEma, averaged)])
        }
        _ => None,
    };
    let critic = match &whole {
        Some([_, (_, d), _]) => Some(d.critic(&generator, store)?),
        None => None,
    };
    let lod = match averaged.arrays.get("lod") {
        Some(array) => array.scalar(store)?.unwrap_or(0.0),
        None => 0.0,
    };
    let progress = Progress { nimg: kimg_of(store.path()).unwrap_or(0) * 1000, lod };
    let resolution = generator.resolution.side();
    let fused = averaged.fused_from(store)?;
    let meta = Meta {
        generator,
        critic,
        progress,
        seed_style: SeedStyle::Numpy,
        source: Some(source),
        ..Meta::default()
    };
    let arrays: Vec<_> = match &whole {
        Some(networks) => networks.iter().map(|(network, pickled)| (*network, &pickled.arrays)).collect(),
        None => vec![(Network::GEma, &averaged.arrays)],
    };
    Conversion::new(store, meta, &arrays, |name| origin(name, resolution, fused))
}

impl<'a> Pickled<'a> {
    /// Reads a network and its components as one, whose names do not overlap.
    fn read(item: Item<'a>, store: &Store) -> Result<(Kind, Self)> {
        let state = item.object().and_then(|(_, _, state)| state);
        let get = |key| state.and_then(|state| state.get(key));
        let function = get("build_func_name").and_then(Item::text).unwrap_or_default();
        let version = get("version").and_then(Item::int).unwrap_or_default();
        let kind = match (version, function) {
            (2 | 3, "G_style") => Kind::Generator,
            (2 | 3, "D_basic") => Kind::Critic,
            (2 | 3, "G_mapping" | "G_synthesis") => Kind::Part,
            _ => {
                let what = match function {
                    "G_paper" | "D_paper" => "a network of Progressive GAN".to_owned(),
                    _ if version > 3 || function == "G_main" || function.contains("stylegan2") => {
                        format!("a network of StyleGAN2 (`{}`)", printable(function))
                    }
                    _ => format!("a network `{}` (version {version})", printable(function)),
                };
                return Err(store.refused(ErrorKind::OtherNetwork { what }));
            }
        };
        let mut arrays = Arrays::new();
        let components = get("components").and_then(Item::entries);
        let parts = components.into_iter().flatten().filter_map(|(_, item)| item.object()?.2);
        // Its own variables come last and win: its level of detail is the one that it tells its components.
        for state in parts.chain(state) {
            for pair in state.get("variables").and_then(Item::items).unwrap_or_default() {
                let pair = pair.items().unwrap_or_default();
                let (Some(name), Some(value)) = (pair.first().and_then(|name| name.text()), pair.get(1))
                else {
                    return Err(store.damaged("a variable is no pair of name and value".to_owned()));
                };
                let array = numpy::array(*value).map_err(|reason| {
                    store.damaged(format!("the variable `{}` {reason}", printable(name)))
                })?;
                let own = name.strip_prefix("G_mapping/").or_else(|| name.strip_prefix("G_synthesis/"));
                arrays.insert(own.unwrap_or(name).to_owned(), array);
            }
        }
        let kwargs = get("static_kwargs").unwrap_or(item);
        Ok((kind, Self { function, kwargs, arrays }))
    }

    /// An argument that the network was built with, unless it had its default.
    fn given(&self, key: &str) -> Option<Item<'a>> {
        self.kwargs.get(key).filter(|value| !value.is_none())
    }

    fn shape(&self, name: &str, store: &Store) -> Result<&[usize]> {
        match self.arrays.get(name) {
            Some(array) => Ok(array.shape()),
            None => Err(store.lacks(name)),
        }
    }

    /// Refuses what was built in a way that this program has not.
    fn check_kwargs(&self, store: &Store) -> Result<()> {
        const ON: [&str; 6] = [
            "use_wscale",
            "use_styles",
            "const_input_layer",
            "use_noise",
            "use_instance_norm",
            "normalize_latents",
        ];
        let is_usual = |key, usual: fn(Item<'a>) -> bool| self.given(key).is_none_or(usual);
        let mut unusual = Vec::new();
        unusual.extend(ON.into_iter().filter(|key| !is_usual(key, |on| on.int() != Some(0))));
        unusual.extend(["use_pixel_norm"].into_iter().filter(|key| !is_usual(key, |on| on.int() == Some(0))));
        for key in ["nonlinearity", "mapping_nonlinearity"] {
            unusual.extend((!is_usual(key, |name| name.text() == Some("lrelu"))).then_some(key));
        }
        // Of this one, none is another choice than the default.
        let blur = self.kwargs.get("blur_filter").map(Item::sizes);
        unusual.extend(blur.filter(|blur| blur.as_deref() != Some(&[1, 2, 1])).map(|_| "blur_filter"));
        match unusual.first() {
            None => Ok(()),
            Some(key) => {
                Err(store.damaged(format!("its network was built with another `{key}` than the paper's")))
            }
        }
    }

    /// Widths of the formula, of the arguments if these are what the arrays have.
    fn widths(&self, widths: &[(usize, usize)], store: &Store) -> Result<Widths> {
        let usual = Widths::default();
        let given = |key, usual| self.given(key).and_then(Item::size).unwrap_or(usual);
        let told = Widths {
            fmap_base: given("fmap_base", usual.fmap_base),
            fmap_decay: self.given("fmap_decay").and_then(Item::float).unwrap_or(usual.fmap_decay),
            fmap_max: given("fmap_max", usual.fmap_max),
        };
        super::widths_of(told, widths, store)
    }

    fn generator(&self, store: &Store) -> Result<GeneratorConfig> {
        self.check_kwargs(store)?;
        let name =
            |side| if side == 4 { "4x4/Conv/bias".to_owned() } else { format!("{side}x{side}/Conv1/bias") };
        let resolution = super::largest(|side| self.arrays.contains_key(&name(side)));
        if let Some(told) = self.given("resolution").and_then(Item::size)
            && told != resolution
        {
            let reason = format!("it says that its side is {told}, but its layers go up to {resolution}");
            return Err(store.damaged(reason));
        }
        let mut widths = Vec::new();
        for side in super::sides(resolution) {
            widths.push((side, super::numbers(self.shape(&name(side), store)?)));
        }
        let widths = self.widths(&widths, store)?;
        let usual = GeneratorConfig::default();
        let mapping_layers = super::count(|index| self.arrays.contains_key(&format!("Dense{index}/weight")));
        let label_dim = self
            .arrays
            .get("LabelConcat/weight")
            .map_or(0, |array| array.shape().first().copied().unwrap_or(0));
        let (z_and_label, mapping_fmaps) = super::matrix(self.shape("Dense0/weight", store)?);
        Ok(GeneratorConfig {
            resolution: resolution.into(),
            num_channels: self.num_channels(),
            z_dim: if label_dim > 0 { z_and_label / 2 } else { z_and_label },
            w_dim: super::numbers(self.shape("dlatent_avg", store)?),
            mapping_layers,
            mapping_fmaps: if mapping_layers > 1 { mapping_fmaps } else { usual.mapping_fmaps },
            mapping_lrmul: self.given("mapping_lrmul").and_then(Item::float).unwrap_or(usual.mapping_lrmul),
            label_dim,
            widths,
            ..usual
        })
    }

    /// Channels of the pictures. What a fourth one would mean is not told, so that there are three of others.
    fn num_channels(&self) -> usize {
        let weight = self.arrays.get("ToRGB_lod0/weight");
        if weight.and_then(|array| array.shape().last()) == Some(&1) { 1 } else { 3 }
    }

    fn critic(&self, generator: &GeneratorConfig, store: &Store) -> Result<CriticConfig> {
        self.check_kwargs(store)?;
        let resolution = super::largest(|side| {
            let block =
                if side == 4 { "4x4/Conv/bias".to_owned() } else { format!("{side}x{side}/Conv0/bias") };
            self.arrays.contains_key(&block)
        });
        let mut widths = vec![(2, super::numbers(self.shape("4x4/Dense0/bias", store)?))];
        for side in super::sides(resolution) {
            let name = format!("FromRGB_lod{}/bias", (resolution / side).ilog2());
            widths.push((side, super::numbers(self.shape(&name, store)?)));
        }
        let widths = self.widths(&widths, store)?;
        let usual = CriticSwitches::default();
        let given = |key, usual| self.given(key).and_then(Item::size).unwrap_or(usual);
        Ok(CriticConfig {
            resolution: resolution.into(),
            num_channels: generator.num_channels,
            label_dim: generator.label_dim,
            widths,
            switches: CriticSwitches {
                mbstd_group_size: given("mbstd_group_size", usual.mbstd_group_size),
                mbstd_num_features: given("mbstd_num_features", usual.mbstd_num_features),
                ..usual
            },
        })
    }

    /// The smallest side whose up-convolution is fused, which turns its kernel around.
    fn fused_from(&self, store: &Store) -> Result<usize> {
        let Some(fused_scale) = self.given("fused_scale") else { return Ok(AUTO_FUSED_FROM) };
        match (fused_scale.text(), fused_scale.int()) {
            (Some("auto"), _) => Ok(AUTO_FUSED_FROM),
            (_, Some(1)) => Ok(0),
            (_, Some(0)) => Ok(usize::MAX),
            _ => Err(store.damaged("its `fused_scale` is neither `auto` nor true nor false".to_owned())),
        }
    }
}

/// The smallest side of a fused up-convolution where the sides decide.
pub(crate) const AUTO_FUSED_FROM: usize = 128;

/// The variable of each of our tensors.
fn origin(name: Name<'_>, resolution: usize, fused_from: usize) -> Option<Origin> {
    let lod = |side: usize| (resolution / side).ilog2();
    // Weights of dense layers stand as matrices, all others as kernels.
    let with = |prefix: String, part: &str, weight: Change| {
        Origin::of(format!("{prefix}/{part}"), if part == "weight" { weight } else { Change::NONE })
    };
    match name {
        Name::WAvg => Origin::of("dlatent_avg", Change::NONE),
        Name::LabelEmbed => Origin::of("LabelConcat/weight", Change::NONE),
        Name::Dense { index, part } => with(format!("Dense{index}"), part, Change::MATRIX),
        Name::Const => Origin::of("4x4/Const/const", Change::NONE),
        Name::Layer { index, part: "noise_const" } => Origin::of(format!("noise{index}"), Change::NONE),
        Name::Layer { index, part } => {
            let side = side_of(index);
            let layer = match index {
                0 => "Const",
                1 => "Conv",
                index if upscales(index) => "Conv0_up",
                _ => "Conv1",
            };
            let (part, change) = match part {
                "weight" => ("weight", Change::KERNEL.flipped(upscales(index) && side >= fused_from)),
                "bias" => ("bias", Change::NONE),
                "noise_strength" => ("Noise/weight", Change::NONE),
                "style_weight" => ("StyleMod/weight", Change::MATRIX),
                "style_bias" => ("StyleMod/bias", Change::NONE),
                _ => return None,
            };
            Origin::of(format!("{side}x{side}/{layer}/{part}"), change)
        }
        Name::ToRgb { side, part } => with(format!("ToRGB_lod{}", lod(side)), part, Change::KERNEL),
        Name::FromRgb { side, part } => with(format!("FromRGB_lod{}", lod(side)), part, Change::KERNEL),
        Name::Block { side, layer, part } => {
            let (layer, weight) = match layer {
                "conv0" => ("Conv0", Change::KERNEL),
                "conv1_down" => ("Conv1_down", Change::KERNEL),
                "conv" => ("Conv", Change::KERNEL),
                "dense0" => ("Dense0", Change::MATRIX),
                "dense1" => ("Dense1", Change::MATRIX),
                _ => return None,
            };
            with(format!("{side}x{side}/{layer}"), part, weight)
        }
    }
}

/// The time that the name of a snapshot tells, `network-snapshot-NNNNNN.pkl`.
fn kimg_of(path: &Path) -> Option<u64> {
    let kimg = path.file_stem()?.to_str()?.strip_prefix("network-snapshot-")?;
    kimg.bytes().all(|byte| byte.is_ascii_digit()).then(|| kimg.parse().ok())?.filter(|kimg| *kimg < 1 << 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fused_up_convolutions_alone_are_turned_around() {
        let change = |name, fused_from| match origin(name, 1024, fused_from) {
            Some(Origin::Of(name, change)) => (name, change),
            _ => panic!("{name:?} is no variable"),
        };
        let weight = |index| Name::Layer { index, part: "weight" };
        for (layer, name, fused) in [
            (1, "4x4/Conv/weight", false),
            (8, "64x64/Conv0_up/weight", false),
            (10, "128x128/Conv0_up/weight", true),
            (11, "128x128/Conv1/weight", false),
            (16, "1024x1024/Conv0_up/weight", true),
        ] {
            let turned = Change::KERNEL.flipped(fused);
            assert_eq!(change(weight(layer), AUTO_FUSED_FROM), (name.to_owned(), turned));
            assert_eq!(change(weight(layer), usize::MAX).1, Change::KERNEL);
            assert_eq!(change(weight(layer), 0).1, Change::KERNEL.flipped(upscales(layer)));
        }
        let down = Name::Block { side: 512, layer: "conv1_down", part: "weight" };
        assert_eq!(change(down, 0), ("512x512/Conv1_down/weight".to_owned(), Change::KERNEL));
    }
}
