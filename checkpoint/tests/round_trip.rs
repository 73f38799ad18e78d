//! What is saved is what is opened.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::fs;

use candle_core::{DType, Device, Result, Tensor};
use common::State;
use stylegan_base::Hint;
use stylegan_checkpoint::{Checkpoint, Error, ErrorKind, Meta, Network, save};
use stylegan_generator::{Generator, Noise, SeedStyle, Truncation};
use stylegan_ops::Parameters;

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn assert_same(checkpoint: &Checkpoint, network: Network, parameters: &Parameters) {
    let loaded = checkpoint.tensors(network).unwrap();
    let mut names: Vec<_> = loaded.keys().cloned().collect();
    names.sort();
    assert_eq!(names, parameters.names());
    for (name, var) in parameters.vars() {
        assert_eq!(loaded[&name].dims(), var.dims(), "{network}.{name}");
        assert_eq!(loaded[&name].dtype(), var.dtype(), "{network}.{name}");
        assert_eq!(values(&loaded[&name]), values(&var), "{network}.{name}");
    }
}

#[test]
fn everything_comes_back_and_the_same_state_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new();
    let (first, second) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    save(&first, &state.meta, &state.networks(), false).unwrap();
    let mut other_order = state.networks();
    other_order.reverse();
    save(&second, &state.meta, &other_order, false).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());

    let checkpoint = Checkpoint::open(&first).unwrap();
    assert_eq!(checkpoint.meta(), &state.meta);
    assert_eq!(checkpoint.networks(), Network::ALL);
    assert_eq!(checkpoint.written_by(), concat!("stylegan ", env!("CARGO_PKG_VERSION")));
    assert_eq!(checkpoint.size_bytes(), fs::metadata(&first).unwrap().len());
    assert_eq!(checkpoint.hash(), Checkpoint::open(&second).unwrap().hash());
    assert_eq!(checkpoint.hash().len(), 16);
    for (network, parameters) in state.networks() {
        assert_same(&checkpoint, network, parameters);
        let names: Vec<_> = checkpoint.shapes(network).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, parameters.names());
    }

    // What was opened and saved again has the same bytes as well.
    let copies = [Network::G, Network::D, Network::GEma].map(|network| {
        let copy = State::new();
        let parameters = match network {
            Network::G => copy.g,
            Network::D => copy.d,
            Network::GEma => copy.g_ema,
        };
        parameters.assign(&checkpoint.tensors(network).unwrap()).unwrap();
        (network, parameters)
    });
    let networks = copies.each_ref().map(|(network, parameters)| (*network, parameters));
    save(&second, checkpoint.meta(), &networks, true).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
}

#[test]
fn the_generator_draws_what_it_drew_before() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new();
    let path = folder.path().join("a.safetensors");
    save(&path, &state.meta, &state.networks(), false).unwrap();
    let picture = |generator: &Generator| {
        let z = generator.latents(&[3, 4], SeedStyle::Native)?;
        generator.draw(&z, None, 0.0, Truncation::default(), &Noise::Const)
    };
    let live = Generator::new(&state.meta.generator, &state.g_ema.builder(DType::F32, &Device::Cpu))?;
    let loaded = Checkpoint::open(&path).unwrap();
    let drawn = picture(&loaded.generator(&Device::Cpu).unwrap())?;
    assert_eq!(values(&picture(&live)?), values(&drawn));
    let scores = loaded.critic(&Device::Cpu).unwrap().forward(&drawn, 0.0, None)?;
    assert_eq!(scores.dims(), [2]);
    Ok(())
}

#[test]
fn half_and_double_precision_are_kept_in_the_file_and_drawn_in_single() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in [DType::F16, DType::BF16, DType::F64] {
        let path = folder.path().join(format!("{dtype:?}.safetensors"));
        let state = State::of_type(dtype);
        save(&path, &state.meta, &state.networks(), false).unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_same(&checkpoint, Network::GEma, &state.g_ema);
        assert_eq!(checkpoint.generator(&Device::Cpu).unwrap().w_avg().dtype(), DType::F32);
    }
}

#[test]
fn a_file_for_sampling_alone_has_no_critic() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new();
    let path = folder.path().join("a.safetensors");
    save(&path, &state.meta.for_sampling(), &[(Network::GEma, &state.g_ema)], false).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.networks(), [Network::GEma]);
    checkpoint.generator(&Device::Cpu).unwrap();
    for network in [Network::G, Network::D] {
        let error = checkpoint.tensors(network).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::NoNetwork { .. }), "{error:?}");
    }
    assert!(matches!(checkpoint.critic(&Device::Cpu), Err(Error { kind: ErrorKind::NoNetwork { .. }, .. })));
}

#[test]
fn nothing_is_overwritten_or_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new();
    let path = folder.path().join("a.safetensors");
    fs::write(&path, "precious").unwrap();
    let error = save(&path, &state.meta, &state.networks(), false).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Exists), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");

    // Networks that are not those described are refused before anything is written.
    let incomplete = [(Network::GEma, &state.g_ema)];
    let error = save(&path, &state.meta, &incomplete, true).unwrap_err();
    assert!(error.to_string().contains("`d.block_16.conv0.bias` is missing"), "{error}");
    let error = save(&path, &state.meta.for_sampling(), &state.networks(), true).unwrap_err();
    assert!(error.to_string().contains("there is no place for `d.block_16.conv0.bias`"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");

    let missing = folder.path().join("missing").join("a.safetensors");
    let error = save(&missing, &state.meta, &state.networks(), false).unwrap_err();
    assert_eq!(error.hint().unwrap(), "create the folder first");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_converted_checkpoint_keeps_its_seed_style_and_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let state = State::new();
    let original = "the original's `ffhq.pkl`".to_owned();
    let meta = Meta { seed_style: SeedStyle::Numpy, source: Some(original), ..state.meta.clone() };
    save(&path, &meta, &state.networks(), false).unwrap();
    assert_eq!(Checkpoint::open(&path).unwrap().meta(), &meta);
    assert_eq!(meta.for_sampling().seed_style, SeedStyle::Numpy);

    let mut labeled = State::new();
    labeled.meta.class_names = vec!["cats\u{1b}[2J".to_owned()];
    let error = save(&path, &labeled.meta, &labeled.networks(), true).unwrap_err();
    assert!(error.to_string().contains("names of 1 classes"), "{error}");

    // Of a network that this program trained, nothing is written that was not written before.
    save(&path, &state.meta, &state.networks(), true).unwrap();
    let bytes = fs::read(&path).unwrap();
    for key in ["seed_style", "source", "class_names", "norm_epsilon", "bias_before_blur", "noise_per_block"]
    {
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "{key}");
    }
}
