//! VGG19 itself, where its weights are: what it sees in a picture is what an independent implementation computes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stderr, reason = "that a test was skipped is to be seen")]

use candle_core::{DType, Device, Result, Tensor};
use stylegan_features::{KnownWeights, Padding, Places, Pooling, Weights};
use stylegan_golden::{TestDevice, fixtures};
use stylegan_transfer::{Encoder, EncoderConfig, EncoderWeights, LAYERS};

/// The weights that the user has, read without keeping anything of them; none if there are none.
fn weights() -> Option<Weights> {
    let known = KnownWeights::of("vgg19").unwrap();
    let found = Places::of_user(&[]).find(known)?;
    let folder = tempfile::tempdir().unwrap();
    let converted = folder.path().join("vgg19.safetensors");
    known.convert(&found.path, &converted).unwrap();
    Some(Places::of_user(&[converted]).open("vgg19", &Device::Cpu).unwrap())
}

#[test]
fn vgg19_sees_what_it_should() -> Result<()> {
    let Some(weights) = weights() else {
        eprintln!("skipped: the weights of VGG19 are not there; `scripts/fetch-weights vgg19` brings them");
        return Ok(());
    };
    let golden = TestDevice::cpu(DType::F32).golden("transfer_vgg19");
    let picture = image::open(fixtures().join("transfer_picture.png")).unwrap().into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = Tensor::from_vec(picture.into_raw(), (1, height, width, 3), &Device::Cpu)?;
    let pixels = pixels.permute((0, 3, 1, 2))?.to_dtype(DType::F32)?.affine(1.0 / 255.0, 0.0)?;
    for (padding, name) in [(Padding::Zero, "zero"), (Padding::Reflect, "reflect")] {
        let config = EncoderConfig {
            weights: EncoderWeights::Plain,
            padding,
            pooling: Pooling::Ceil,
            unit_means: false,
        };
        let encoder = Encoder::new(&weights, config).unwrap();
        for (layer, found) in LAYERS.iter().zip(encoder.layers(&pixels)?) {
            let found = found.squeeze(0)?.flatten_from(1)?;
            golden.assert_close(&format!("{name}.{layer}.mean"), &found.mean(1)?);
            golden.assert_close(&format!("{name}.{layer}.rms"), &found.sqr()?.mean(1)?.sqrt()?);
        }
    }
    Ok(())
}
