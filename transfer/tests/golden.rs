//! Encoder, AdaIN, decoder, losses and their gradients are what an independent implementation computes in float64.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use stylegan_features::{Padding, Pooling, Weights};
use stylegan_golden::{Golden, TestDevice};
use stylegan_ops::{Key, Parameters, backward};
use stylegan_transfer::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, EncoderWeights, LAYERS, Losses, Statistics, adain,
    restyled,
};

const WIDTHS: [usize; 4] = [8, 16, 32, 64];
const DECODER: DecoderConfig = DecoderConfig { features: 64, widths: [8, 16, 32] };
const STYLE_WEIGHT: f64 = 10.0;

/// Both paddings, and what was computed with them.
const PADDINGS: [(Padding, &str); 2] =
    [(Padding::Reflect, "transfer_reflect"), (Padding::Zero, "transfer_zero")];

fn open(name: &str) -> Golden {
    TestDevice::cpu(DType::F32).golden(name)
}

fn encoder(padding: Padding, pooling: Pooling) -> Encoder {
    let config = EncoderConfig { weights: EncoderWeights::Plain, padding, pooling, unit_means: false };
    Encoder::with_widths(&Weights::new(tensors(), "golden"), config, WIDTHS).unwrap()
}

/// The encoder's weights, and colors as they are.
fn tensors() -> HashMap<String, Tensor> {
    let mut tensors: HashMap<String, Tensor> = open("transfer_weights").weights("encoder.");
    for (name, value) in [("colors.mean", 0_f32), ("colors.deviation", 255.0)] {
        tensors.insert(name.to_owned(), Tensor::full(value, 3, &Device::Cpu).unwrap());
    }
    tensors
}

fn decoder() -> (Parameters, Decoder) {
    let parameters = Parameters::new(Key::new("decoder", &[0]));
    let decoder = Decoder::new(DECODER, &parameters.builder(DType::F32, &Device::Cpu)).unwrap();
    parameters.assign(&open("transfer_weights").weights("decoder.")).unwrap();
    (parameters, decoder)
}

#[test]
fn the_encoder_sees_what_it_should() -> Result<()> {
    for (padding, name) in PADDINGS {
        let golden = open(name);
        let network = encoder(padding, Pooling::Ceil);
        for picture in ["content", "style"] {
            for (layer, found) in LAYERS.iter().zip(network.layers(&golden.get(picture))?) {
                golden.assert_close(&format!("{picture}.{layer}"), &found);
                let Statistics { mean, deviation } = Statistics::of(&found)?;
                golden.assert_close(&format!("{picture}.{layer}.mean"), &mean);
                golden.assert_close(&format!("{picture}.{layer}.std"), &deviation);
            }
        }
        for (pooling, way) in [(Pooling::Floor, "floor"), (Pooling::Ceil, "ceil")] {
            let layers = encoder(padding, pooling).layers(&golden.get("odd"))?;
            for (layer, found) in LAYERS.iter().zip(&layers).skip(1) {
                golden.assert_close(&format!("odd.{way}.{layer}"), found);
            }
        }
    }
    Ok(())
}

#[test]
fn content_takes_the_statistics_of_the_style_and_is_decoded() -> Result<()> {
    for (padding, name) in PADDINGS {
        let golden = open(name);
        let network = encoder(padding, Pooling::Ceil);
        let content = network.features(&golden.get("content"))?;
        let style = network.features(&golden.get("style"))?;
        let restyled_features = adain(&content, &Statistics::of(&style)?)?;
        golden.assert_close("adain", &restyled_features);
        let part = stylegan_ops::blend(&content, &restyled_features, 0.6)?;
        golden.assert_close("adain.alpha06", &part);
        let (_, decoder) = decoder();
        golden.assert_close("output", &decoder.forward(&restyled_features)?);
        golden.assert_close("output.alpha06", &decoder.forward(&part)?);

        // As the authors' own program divides.
        let (mean, variance) = stylegan_ops::plane_moments(&style)?;
        golden.assert_close("lua.adain", &restyled(&content, &variance.sqrt()?, &mean, 1e-5)?);
    }
    Ok(())
}

#[test]
fn losses_and_gradients_are_right() -> Result<()> {
    for (padding, name) in PADDINGS {
        let golden = open(name);
        let (parameters, decoder) = decoder();
        let network = encoder(padding, Pooling::Ceil);
        let losses = Losses::of(&network, &decoder, &golden.get("content"), &golden.get("style"))?;
        golden.assert_close("output", &losses.pictures);
        for (layer, found) in LAYERS.iter().zip(network.layers(&losses.pictures.detach())?) {
            let Statistics { mean, deviation } = Statistics::of(&found)?;
            golden.assert_close(&format!("output.{layer}.mean"), &mean);
            golden.assert_close(&format!("output.{layer}.std"), &deviation);
        }
        golden.assert_close("loss.content", &losses.content);
        golden.assert_close("loss.means", &Tensor::stack(&losses.means, 0)?);
        golden.assert_close("loss.stds", &Tensor::stack(&losses.deviations, 0)?);
        golden.assert_close("loss.style", &losses.style()?);
        let total = losses.total(1.0, STYLE_WEIGHT)?;
        golden.assert_close("loss.total", &total);
        let gradients = backward(&total)?;
        golden.assert_gradients("grad.decoder.", &parameters.vars(), &gradients);

        // Of the pictures themselves.
        let pictures = Var::from_tensor(&losses.pictures)?;
        let styles = network.layers(&golden.get("style"))?.map(|layer| Statistics::of(&layer).unwrap());
        let decoded = adain(&network.features(&golden.get("content"))?, &styles[3])?;
        let losses = Losses::of_pictures(&network, pictures.as_tensor().clone(), &decoded, &styles)?;
        let gradients = backward(&losses.total(1.0, STYLE_WEIGHT)?)?;
        golden.assert_close("grad.output", gradients.get(&pictures).unwrap());
    }
    Ok(())
}

/// The authors' own weights begin with a convolution of colors: here one that does what the first layer undoes.
#[test]
fn the_normalized_encoder_is_told_by_its_convolution_of_colors() -> Result<()> {
    let golden = open("transfer_reflect");
    let mut tensors = tensors();
    // Blue first and four times as large, which the first layer takes back.
    let first = tensors["conv1_1.weight"].flip(&[1])?.affine(0.25, 0.0)?;
    tensors.insert("conv1_1.weight".to_owned(), first);
    let colors = [[0_f32, 0.0, 4.0], [0.0, 4.0, 0.0], [4.0, 0.0, 0.0]];
    tensors.insert("conv0.weight".to_owned(), Tensor::new(&colors, &Device::Cpu)?.reshape((3, 3, 1, 1))?);
    tensors.insert("conv0.bias".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu)?);
    let weights = Weights::new(tensors, "normalized");
    let config = EncoderConfig { weights: EncoderWeights::Normalized, ..EncoderConfig::default() };
    let network = Encoder::with_widths(&weights, config, WIDTHS).unwrap();
    for (layer, found) in LAYERS.iter().zip(network.layers(&golden.get("content"))?) {
        golden.assert_close(&format!("content.{layer}"), &found);
    }
    let other = Encoder::with_widths(&weights, EncoderConfig::default(), WIDTHS).unwrap_err().to_string();
    assert_eq!(
        other,
        "the decoder is for an encoder of the weights `vgg19`, not for one of `vgg19-normalized`"
    );
    Ok(())
}
