//! Samples of each kind, and the pictures that they draw.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use stylegan_base::Hint;
use stylegan_checkpoint::{Checkpoint, Network};
use stylegan_generator::{Generator, GeneratorConfig, Noise, SeedStyle, Truncation};
use stylegan_import::{Error, ErrorKind, Family, Foreign, Purpose, open_any};
use stylegan_ops::{Key, RandomTensors, Resolution};

use super::assembler::rewritten;
use super::{converted, fixture, message, written};

/// What a sample's networks compute for given latents.
struct Expected {
    tensors: HashMap<String, Tensor>,
    scales: serde_json::Value,
}

impl Expected {
    fn of(name: &str) -> Self {
        let path = fixture(&format!("{name}_expected.safetensors"));
        let json = std::fs::read(path.with_extension("json")).unwrap();
        Self {
            tensors: candle_core::safetensors::load(path, &Device::Cpu).unwrap(),
            scales: serde_json::from_slice(&json).unwrap(),
        }
    }

    fn z(&self) -> &Tensor {
        &self.tensors["z"]
    }

    /// Twenty times the error of float32 itself is allowed, and of pictures 999 of 1000 bytes must be the same.
    fn assert_close(&self, name: &str, actual: &Tensor) {
        let expected = &self.tensors[name];
        let number = |key: &str| self.scales[name][key].as_f64().unwrap();
        let tolerance = (20.0 * number("f32_max_err")).max(2e-5 * number("scale"));
        let values = |tensor: &Tensor| {
            tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
        };
        assert_eq!(actual.dims(), expected.dims(), "{name}");
        let (actual, expected) = (values(actual), values(expected));
        let off = actual.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off <= tolerance, "`{name}` is off by {off}, more than {tolerance}");
        let byte = |x: f64| (127.5 * x + 128.0).clamp(0.0, 255.0) as u8;
        let same = actual.iter().zip(&expected).filter(|(a, b)| byte(**a) == byte(**b)).count();
        assert!(
            !name.contains("image") || 1000 * same >= 999 * actual.len(),
            "`{name}`: {same} of {}",
            actual.len()
        );
    }
}

/// A network of the converted file.
fn generator(checkpoint: &Checkpoint, network: Network) -> Generator {
    let tensors = checkpoint.tensors(network).unwrap();
    let vb = candle_nn::VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    Generator::new(&checkpoint.meta().generator, &vb).unwrap()
}

/// Compares all that a file of the original's networks is to compute.
fn assert_draws(checkpoint: &Checkpoint, expected: &Expected) {
    let (z, labels) = (expected.z(), expected.tensors.get("labels"));
    let g_ema = generator(checkpoint, Network::GEma);
    let off = Truncation { psi: 1.0, cutoff: 0 };
    let picture =
        |g: &Generator, truncation, noise: &Noise| g.draw(z, labels, 0.0, truncation, noise).unwrap();
    expected.assert_close("w", &g_ema.mapping().forward(z, labels).unwrap());
    expected.assert_close("gs_image_zero_noise", &picture(&g_ema, off, &Noise::None));
    expected.assert_close("gs_image_stored_noise", &picture(&g_ema, off, &Noise::Const));
    let truncated = "gs_image_psi07_cutoff3_zero_noise";
    if expected.tensors.contains_key(truncated) {
        expected.assert_close(truncated, &picture(&g_ema, Truncation { psi: 0.7, cutoff: 3 }, &Noise::None));
    }
    if checkpoint.networks() == Network::ALL {
        let g = generator(checkpoint, Network::G);
        expected.assert_close("g_image_zero_noise", &picture(&g, off, &Noise::None));
        let scores = checkpoint.critic(&Device::Cpu).unwrap();
        let scores = scores.forward(&expected.tensors["gs_image_zero_noise"], 0.0, labels).unwrap();
        expected.assert_close("d_scores_of_gs_image_zero_noise", &scores);
    }
}

fn shape_of(checkpoint: &Checkpoint) -> (Resolution, usize, usize, usize, usize) {
    let GeneratorConfig { resolution, z_dim, w_dim, mapping_layers, mapping_fmaps, .. } =
        checkpoint.meta().generator;
    (resolution, z_dim, w_dim, mapping_layers, mapping_fmaps)
}

#[test]
fn official_pickles_of_each_protocol() {
    let expected = Expected::of("tf_res16");
    for (file, protocol, networks) in
        [("tf_res16_proto2", 2, 3), ("tf_res16_proto4", 4, 3), ("tf_res16_gs_only_proto3", 3, 1)]
    {
        let path = fixture(&format!("{file}.pkl"));
        let foreign = Foreign::open(&path).unwrap();
        assert_eq!(
            (foreign.family(), foreign.format()),
            (Family::Official, &*format!("pickle of protocol {protocol}"))
        );
        let checkpoint = converted(&path, None, Purpose::Training).unwrap();
        assert_eq!(checkpoint.networks().len(), networks);
        assert_draws(&checkpoint, &expected);
        let meta = checkpoint.meta();
        assert_eq!(meta.seed_style, SeedStyle::Numpy);
        let source = format!("official StyleGAN (pickle of protocol {protocol}), hash {}", foreign.hash());
        assert_eq!(meta.source.as_deref(), Some(&*source));
    }
    let only = converted(&fixture("tf_res16_proto4.pkl"), Some(16), Purpose::Sampling).unwrap();
    assert_eq!(only.networks(), [Network::GEma]);
    assert_draws(&only, &expected);
}

#[test]
fn an_official_pickle_of_grey_pictures() {
    let expected = Expected::of("official_res16_grey");
    let checkpoint = converted(&fixture("official_res16_grey.pkl"), None, Purpose::Training).unwrap();
    let meta = checkpoint.meta();
    assert_eq!((meta.generator.num_channels, meta.critic.as_ref().unwrap().num_channels), (1, 1));
    assert_eq!(expected.tensors["gs_image_zero_noise"].dims(), [4, 1, 16, 16]);
    assert_draws(&checkpoint, &expected);
}

#[test]
fn an_official_pickle_of_fused_layers_and_unequal_widths() {
    let expected = Expected::of("tf_res32_fused");
    let checkpoint = converted(&fixture("tf_res32_fused_proto5.pkl"), None, Purpose::Training).unwrap();
    let (z_dim, w_dim) = (expected.z().dims()[1], expected.tensors["w"].dims()[1]);
    let (resolution, z, w, layers, fmaps) = shape_of(&checkpoint);
    assert_eq!((resolution, z, w, layers), (32.into(), z_dim, w_dim, 3));
    assert!(fmaps != z && fmaps != w, "{fmaps}");
    assert_draws(&checkpoint, &expected);
}

#[test]
fn an_official_pickle_of_version_2_with_labels_and_without_components() {
    let checkpoint = converted(&fixture("tf_res8_labels_version2.pkl"), None, Purpose::Training).unwrap();
    assert_eq!(shape_of(&checkpoint), (8.into(), 3, 5, 2, 4));
    assert_eq!(checkpoint.meta().generator.label_dim, 2);
    assert_draws(&checkpoint, &Expected::of("tf_res8_labels_version2"));
}

#[test]
fn rosinality_at_every_side() {
    let expected = Expected::of("rosinality");
    for file in ["with_optimizers_zip", "g_running_only_zip", "g_running_only_legacy"] {
        let path = fixture(&format!("rosinality_{file}.model"));
        assert_eq!(Foreign::open(&path).unwrap().family(), Family::Rosinality);
        for (side, lod, name) in [
            (16, 0.0, "image_16"),
            (32, 0.0, "image_32"),
            (32, 0.6, "image_32_alpha_0.4"),
            (128, 0.0, "image_128"),
        ] {
            let checkpoint = converted(&path, Some(side), Purpose::Training).unwrap();
            assert_eq!(checkpoint.networks(), [Network::GEma], "their critic is another one");
            let g_ema = generator(&checkpoint, Network::GEma);
            let w = g_ema.mapping().forward(expected.z(), None).unwrap();
            expected.assert_close("w", &w);
            let count = expected.tensors[name].dims()[0];
            let w_plus = g_ema.broadcast(&w.narrow(0, 0, count).unwrap()).unwrap();
            expected.assert_close(name, &g_ema.synthesis().forward(&w_plus, lod, &Noise::None).unwrap());
        }
    }
}

#[test]
fn what_rosinality_does_not_store_is_made_up() {
    let file = fixture("rosinality_g_running_only_zip.model");
    let checkpoint = converted(&file, Some(16), Purpose::Training).unwrap();
    let meta = checkpoint.meta();
    assert_eq!((meta.seed_style, meta.generator.norm_epsilon), (SeedStyle::Native, 1e-5));
    assert!(meta.generator.bias_before_blur && meta.generator.noise_per_block);
    let tensors = checkpoint.tensors(Network::GEma).unwrap();
    let values = |name: &str| tensors[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (first, second) in [(0, 1), (2, 3), (4, 5)] {
        let noise = |layer| values(&format!("synthesis.layer{layer}.noise_const"));
        assert_eq!(noise(first), noise(second));
    }
    assert_eq!(values("synthesis.layer0.bias"), [0.0; 5]);
    // The mean of other z comes near.
    let g_ema = generator(&checkpoint, Network::GEma);
    let z = Key::new("another", &[]).normal((4096, 5), DType::F32, &Device::Cpu).unwrap();
    let w = g_ema.mapping().forward(&z, None).unwrap();
    let (mean, w_avg) = (w.mean(0).unwrap().to_vec1::<f32>().unwrap(), values("w_avg"));
    let deviation = w.var(0).unwrap().to_vec1::<f32>().unwrap();
    for ((mean, w_avg), variance) in mean.iter().zip(&w_avg).zip(&deviation) {
        assert!((mean - w_avg).abs() < 5.0 * (variance / 4096.0 * 1.4).sqrt(), "{mean} {w_avg}");
    }
    // The same file gives the same bytes.
    let again = converted(&file, Some(16), Purpose::Training).unwrap();
    assert_eq!(again.checksum(), checkpoint.checksum());
}

#[test]
fn genforce_with_its_training_and_bare() {
    let expected = Expected::of("genforce_res16");
    let whole = converted(&fixture("genforce_res16.pth"), None, Purpose::Training).unwrap();
    assert_eq!((whole.networks().len(), whole.meta().progress.nimg), (3, 12_345));
    assert_draws(&whole, &expected);
    let bare = converted(&fixture("genforce_res16_bare.pth"), None, Purpose::Training).unwrap();
    assert_eq!((bare.networks().len(), bare.meta().progress.nimg), (1, 0));
    assert_draws(&bare, &expected);
    assert_eq!(shape_of(&bare), (16.into(), 6, 7, 3, 5));
    assert_eq!(Foreign::open(fixture("genforce_res16.pth")).unwrap().family(), Family::Genforce);
}

/// What lernapparat's and huangzh13's programs draw, with no noise and with that of the expected values.
fn assert_draws_as(checkpoint: &Checkpoint, expected: &Expected) {
    let g_ema = generator(checkpoint, Network::GEma);
    let (z, off) = (expected.z(), Truncation { psi: 1.0, cutoff: 0 });
    let picture = |truncation, noise: &Noise| g_ema.draw(z, None, 0.0, truncation, noise).unwrap();
    expected.assert_close("w", &g_ema.mapping().forward(z, None).unwrap());
    expected.assert_close("image_zero_noise", &picture(off, &Noise::None));
    let layers = 0..checkpoint.meta().generator.num_layers();
    let noise = layers.map(|layer| expected.tensors[&format!("noise{layer}")].clone()).collect();
    expected.assert_close("image_noise", &picture(off, &Noise::Given(noise)));
    if expected.tensors.contains_key("image_psi07_cutoff3") {
        let truncated = picture(Truncation { psi: 0.7, cutoff: 3 }, &Noise::None);
        expected.assert_close("image_psi07_cutoff3", &truncated);
    }
}

#[test]
fn lernapparat_with_its_mean_of_w() {
    let path = fixture("lernapparat_res16.pt");
    assert_eq!(Foreign::open(&path).unwrap().family(), Family::Lernapparat);
    let checkpoint = converted(&path, None, Purpose::Training).unwrap();
    assert_eq!(shape_of(&checkpoint), (16.into(), 6, 7, 3, 5));
    let meta = checkpoint.meta();
    assert_eq!((meta.seed_style, meta.generator.norm_epsilon), (SeedStyle::Numpy, 1e-5));
    assert!(meta.generator.blur && !meta.generator.noise_per_block);
    assert_draws_as(&checkpoint, &Expected::of("lernapparat_res16"));
    // Each layer has an image of its own.
    let tensors = checkpoint.tensors(Network::GEma).unwrap();
    let noise = |layer| {
        let noise = &tensors[&format!("synthesis.layer{layer}.noise_const")];
        noise.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_ne!(noise(2), noise(3));
}

#[test]
fn huangzh13_without_blur() {
    let path = fixture("huangzh13_res16_plain.pth");
    assert_eq!(Foreign::open(&path).unwrap().family(), Family::Huangzh13);
    let checkpoint = converted(&path, None, Purpose::Training).unwrap();
    assert_eq!(shape_of(&checkpoint), (16.into(), 5, 6, 4, 7));
    assert!(!checkpoint.meta().generator.blur);
    assert_draws_as(&checkpoint, &Expected::of("huangzh13_res16_plain"));
    // The mean of w in the file is none.
    let w_avg = checkpoint.tensors(Network::GEma).unwrap()["w_avg"].to_vec1::<f32>().unwrap();
    assert!(w_avg.iter().all(|&number| number != 0.0), "{w_avg:?}");
}

#[test]
fn huangzh13_with_labels_fused_layers_and_in_the_middle_of_growing() {
    let (bytes, expected) = (
        std::fs::read(fixture("huangzh13_res128_labels.pth")).unwrap(),
        Expected::of("huangzh13_res128_labels"),
    );
    let (z, labels) = (expected.z(), expected.tensors.get("labels"));
    let off = Truncation { psi: 1.0, cutoff: 0 };
    let (every_fourth, of_16) = ("image_every_fourth", "image_of_16");
    for (name, lod, key) in [
        ("GAN_GEN_SHADOW_5_8.pth", 0.0, every_fourth),
        ("GAN_GEN_SHADOW_2_4.pth", 3.0, of_16),
        ("GAN_GEN_SHADOW_9_4.pth", 0.0, every_fourth),
        ("any.pth", 0.0, every_fourth),
    ] {
        let (_folder, path) = written(name, &bytes);
        let checkpoint = converted(&path, None, Purpose::Training).unwrap();
        assert_eq!(
            (checkpoint.meta().generator.label_dim, checkpoint.meta().progress.lod),
            (3, lod),
            "{name}"
        );
        let g_ema = generator(&checkpoint, Network::GEma);
        expected.assert_close("w", &g_ema.mapping().forward(z, labels).unwrap());
        let mut image = g_ema.draw(z, labels, lod, off, &Noise::None).unwrap();
        if key == every_fourth {
            let fourth = Tensor::from_iter((0..32_u32).map(|place| 4 * place), &Device::Cpu).unwrap();
            image = image.index_select(&fourth, 2).unwrap().index_select(&fourth, 3).unwrap();
        }
        expected.assert_close(key, &image);
    }
}

/// Puts `module.` before each text of a pickle that has a dot and ends as a tensor's name does.
fn renamed(pickle: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = pickle;
    while let Some((&first, tail)) = rest.split_first() {
        let text = (first == b'X')
            .then(|| tail.split_first_chunk::<4>())
            .flatten()
            .and_then(|(length, tail)| Some((tail.get(..u32::from_le_bytes(*length) as usize)?, length)))
            .filter(|(text, _)| {
                let ends = |end: &[u8]| text.ends_with(end);
                text.contains(&b'.')
                    && (ends(b"weight") || ends(b"weight_orig") || ends(b"bias") || ends(b"input"))
            });
        if let Some((text, _)) = text {
            let name = [b"module.", text].concat();
            out.extend([&b"X"[..], &(name.len() as u32).to_le_bytes(), &name].concat());
            rest = &tail[4 + text.len()..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

#[test]
fn names_of_networks_on_several_gpus() {
    let bytes = rewritten(&fixture("rosinality_g_running_only_zip.model"), |name, bytes| {
        if name.ends_with("data.pkl") { renamed(&bytes) } else { bytes }
    });
    let (_folder, path) = written("x.model", &bytes);
    assert_eq!(Foreign::open(&path).unwrap().family(), Family::Rosinality);
    let checkpoint = converted(&path, Some(16), Purpose::Sampling).unwrap();
    let plain = fixture("rosinality_g_running_only_zip.model");
    let plain = converted(&plain, Some(16), Purpose::Sampling).unwrap();
    let (renamed, plain) =
        (checkpoint.tensors(Network::GEma).unwrap(), plain.tensors(Network::GEma).unwrap());
    for (name, tensor) in plain {
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&renamed[&name]), values(&tensor), "{name}");
    }
}

#[test]
fn the_side_that_a_file_does_not_tell() {
    let message_of = |path: &Path, resolution| {
        let error = converted(path, resolution, Purpose::Training).unwrap_err();
        assert!(
            error.hint().is_some()
                || matches!(error, Error::Foreign { kind: ErrorKind::NotConvertible { .. }, .. }),
            "{error:?}"
        );
        error.to_string().replace(&format!("{}/", path.parent().unwrap().display()), "")
    };
    let rosinality = fixture("rosinality_g_running_only_zip.model");
    assert_eq!(
        message_of(&rosinality, None),
        "`rosinality_g_running_only_zip.model` does not say for which side its network was trained; its layers go up to \
         1024x1024"
    );
    for asked in [0, 4, 24, 2048] {
        assert_eq!(
            message_of(&rosinality, Some(asked)),
            format!(
                "`rosinality_g_running_only_zip.model` has no network of {asked}x{asked}: its sides are the powers of \
                 two from 8 to 1024"
            )
        );
    }
    assert_eq!(
        message_of(&fixture("tf_res16_proto4.pkl"), Some(32)),
        "`tf_res16_proto4.pkl` cannot be converted: it says itself that its side is 16, not 32"
    );
}

/// A sample with its level of detail replaced, which is the only number of four zero bytes.
pub(crate) fn with_lod(lod: f32) -> Vec<u8> {
    let mut bytes = std::fs::read(fixture("tf_res16_proto4.pkl")).unwrap();
    let zero = *b"C\x04\0\0\0\0";
    let mut count = 0;
    for place in 0..bytes.len() - zero.len() {
        if bytes[place..].starts_with(&zero) {
            bytes[place + 2..place + 6].copy_from_slice(&lod.to_le_bytes());
            count += 1;
        }
    }
    assert_eq!(count, 5, "G, Gs and their synthesis, and D have one each");
    bytes
}

#[test]
fn level_of_detail_and_time_of_an_unfinished_training() {
    let progress = |name: &str, lod| {
        let (_folder, path) = written(name, &with_lod(lod));
        let progress = converted(&path, None, Purpose::Training).unwrap().meta().progress;
        (progress.nimg, progress.lod)
    };
    assert_eq!(progress("any.pkl", 1.25), (0, 1.25));
    assert_eq!(progress("network-snapshot-001234.pkl", 0.0), (1_234_000, 0.0));
    assert_eq!(progress("network-snapshot-latest.pkl", 2.0), (0, 2.0));
    let impossible = message("any.pkl", &with_lod(3.5));
    assert!(
        impossible.starts_with("`any.pkl` describes an impossible network: `progress.lod`"),
        "{impossible}"
    );
    assert!(message("any.pkl", &with_lod(f32::NAN)).contains("`progress.lod`"));
}

#[test]
fn contents_decide_not_names() {
    let bytes = std::fs::read(fixture("genforce_res16_bare.pth")).unwrap();
    for name in ["network.pkl", "faces.png", "a.safetensors", "none"] {
        let (_folder, path) = written(name, &bytes);
        assert!(Foreign::is_one(&path), "{name}");
        assert_eq!(Foreign::open(path).unwrap().family(), Family::Genforce, "{name}");
    }
}

#[test]
fn a_file_opened_directly_is_what_it_becomes_when_converted() {
    for (file, resolution) in [
        ("tf_res16_proto2.pkl", None),
        ("tf_res8_labels_version2.pkl", None),
        ("rosinality_with_optimizers_zip.model", Some(32)),
        ("genforce_res16.pth", None),
    ] {
        let path = fixture(file);
        for purpose in [Purpose::Training, Purpose::Sampling] {
            let direct = open_any(&path, resolution, purpose).unwrap();
            let converted = converted(&path, resolution, purpose).unwrap();
            assert_eq!(direct.meta(), converted.meta(), "{file}");
            assert_eq!((direct.checksum(), direct.path()), (None, &*path));
            let foreign = Foreign::open(&path).unwrap();
            assert_eq!(
                (direct.hash(), direct.size_bytes()),
                (foreign.hash().to_owned(), foreign.size_bytes())
            );
            if purpose == Purpose::Sampling {
                assert_eq!(direct.networks(), [Network::GEma], "{file}");
            }
            for &network in direct.networks() {
                assert_eq!(direct.shapes(network), converted.shapes(network), "{file}");
                assert_eq!(direct.dtypes(network), converted.dtypes(network), "{file}");
                let (direct, converted) =
                    (direct.tensors(network).unwrap(), converted.tensors(network).unwrap());
                for (name, tensor) in direct {
                    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                    assert_eq!(values(&tensor), values(&converted[&name]), "{file} {network}.{name}");
                }
            }
        }
    }
}

#[test]
fn our_own_files_are_opened_as_well() {
    let path = fixture("tf_res16_proto4.pkl");
    let mut foreign = Foreign::open(&path).unwrap();
    let conversion = foreign.conversion(None, Purpose::Sampling).unwrap();
    let g_ema = foreign.read(&conversion, Network::GEma).unwrap();
    let g_ema = stylegan_checkpoint::convert(&path, Network::GEma, g_ema, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("network-snapshot-000001.safetensors");
    stylegan_checkpoint::save(&own, conversion.meta(), &[(Network::GEma, &g_ema)], false).unwrap();
    for path in [&*own, folder.path()] {
        let checkpoint = open_any(path, None, Purpose::Training).unwrap();
        assert_eq!((checkpoint.path(), checkpoint.meta()), (&*own, conversion.meta()));
        assert!(checkpoint.checksum().is_some());
    }
    let error = open_any(folder.path().join("missing"), None, Purpose::Training).unwrap_err();
    assert!(matches!(error, Error::Checkpoint(_)), "{error:?}");
}
