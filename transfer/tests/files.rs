//! Decoders in files: this program's, and those of others.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Result, Tensor};
use stylegan_ops::{Key, Parameters};
use stylegan_transfer::{Decoder, DecoderConfig, DecoderInFile, EncoderConfig, EncoderWeights, decoder_file};

const CONFIG: DecoderConfig = DecoderConfig { features: 5, widths: [2, 3, 4] };
const PORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/decoder.pth");

fn decoder() -> (Parameters, Decoder) {
    let parameters = Parameters::new(Key::new("decoder", &[3]));
    let decoder = Decoder::new(CONFIG, &parameters.builder(DType::F32, &Device::Cpu)).unwrap();
    (parameters, decoder)
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_decoder_comes_back_as_it_was() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decoder.safetensors");
    let (parameters, decoder) = decoder();
    decoder_file(EncoderConfig::default(), CONFIG, &parameters, 1234)
        .unwrap()
        .save_new(&path, false)
        .unwrap();
    let file = DecoderInFile::open(&path).unwrap();
    assert_eq!((file.encoder, file.config, file.nimg), (EncoderConfig::default(), CONFIG, Some(1234)));
    let features = Tensor::arange(0_f32, 60.0, &Device::Cpu)?.reshape((1, 5, 4, 3))?;
    let again = file.decoder(&Device::Cpu)?.forward(&features)?;
    assert_eq!(values(&again), values(&decoder.forward(&features)?));
    assert_eq!(again.dims(), [1, 3, 32, 24]);
    let exists =
        decoder_file(EncoderConfig::default(), CONFIG, &parameters, 1).unwrap().save_new(&path, false);
    assert!(exists.unwrap_err().to_string().contains("exists"));
    Ok(())
}

/// Made by `scripts/reference/transfer_port.py`, whose formula this is.
#[test]
fn a_port_of_pytorch_is_read_by_the_numbers_of_its_modules() {
    let file = DecoderInFile::open(Path::new(PORT)).unwrap();
    assert_eq!((file.config, file.nimg, file.encoder.weights), (CONFIG, None, EncoderWeights::Normalized));
    for layer in CONFIG.layers() {
        let weight = &file.tensors()[&format!("{}.weight", layer.name)];
        assert_eq!(weight.dims(), layer.shape(), "{}", layer.name);
        let value = |at: usize| (at % 7) as f32 / 8.0 - 3.0 / 8.0 + layer.number as f32 / 64.0;
        let expected: Vec<f32> = (0..weight.elem_count()).map(value).collect();
        assert_eq!(values(weight), expected, "{}", layer.name);
        assert_eq!(file.tensors()[&format!("{}.bias", layer.name)].dims(), [layer.channels.1]);
    }
}

#[test]
fn what_is_no_decoder_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        DecoderInFile::open(&path).unwrap_err().to_string()
    };
    assert!(refused(b"").contains("is empty"), "{}", refused(b""));
    assert!(refused(b"no network").contains("is no safetensors file"));
    let missing = DecoderInFile::open(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains("there is no checkpoint"), "{missing}");

    let (parameters, _) = decoder();
    let save = |change: &dyn Fn(&mut stylegan_checkpoint::DecoderFile)| {
        let mut file = decoder_file(EncoderConfig::default(), CONFIG, &parameters, 1).unwrap();
        change(&mut file);
        file.save_new(&path, true).unwrap();
        DecoderInFile::open(&path).unwrap_err().to_string()
    };
    let without = save(&|file| drop(file.tensors.remove("conv2_2.bias")));
    assert!(without.ends_with("`conv2_2.bias` is missing"), "{without}");
    let other = save(&|file| {
        file.tensors.insert("conv2_2.bias".to_owned(), Tensor::zeros(4, DType::F32, &Device::Cpu).unwrap());
    });
    assert!(other.contains("`conv2_2.bias` is [4] where [3] is expected"), "{other}");
    let more = save(&|file| {
        file.tensors.insert("more".to_owned(), Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap());
    });
    assert!(more.contains("there is no place for `more`"), "{more}");
    let huge = save(&|file| file.decoder = "{\"features\":5,\"widths\":[2,3,99999999]}".to_owned());
    assert!(huge.contains("1 to 4096 channels"), "{huge}");
    let odd = save(&|file| file.encoder = "{\"weights\":\"vgg20\"}".to_owned());
    assert!(odd.contains("its `encoder`: unknown variant `vgg20`"), "{odd}");

    // Damaged, and cut short.
    decoder_file(EncoderConfig::default(), CONFIG, &parameters, 1).unwrap().save_new(&path, true).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(refused(&damaged).contains("its checksum is not that of its contents"));
    assert!(refused(&whole[..whole.len() - 3]).contains("is truncated"));

    // Numbered modules that do not fit together.
    let port = fs::read(PORT).unwrap();
    assert!(!refused(&port[..port.len() / 2]).is_empty());
    let tensor = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let numbered =
        [("1.weight", tensor(&[4, 5, 3, 3])), ("28.bias", tensor(&[3])), ("21.weight", tensor(&[2]))];
    let tensors: HashMap<String, Tensor> =
        numbered.map(|(name, tensor)| (name.to_owned(), tensor)).into_iter().collect();
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let unfit = DecoderInFile::open(&path).unwrap_err().to_string();
    assert!(unfit.contains("`21.weight` is no 3x3 convolution"), "{unfit}");
}
