//! Pictures of any size, whole and in tiles, by masks and in part.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::slice::from_ref;

use candle_core::{DType, Device, Tensor};
use image::{GrayImage, Luma, Rgb, RgbImage};
use stylegan_features::{Padding, Pooling, Weights};
use stylegan_golden::TestDevice;
use stylegan_ops::{Key, Parameters};
use stylegan_transfer::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, EncoderWeights, Statistics, Stylizer,
};

/// The small networks of the golden numbers.
fn stylizer(padding: Padding, tile: usize) -> Stylizer {
    let golden = TestDevice::cpu(DType::F32).golden("transfer_weights");
    let mut tensors: HashMap<String, Tensor> = golden.weights("encoder.");
    for (name, value) in [("colors.mean", 0_f32), ("colors.deviation", 255.0)] {
        tensors.insert(name.to_owned(), Tensor::full(value, 3, &Device::Cpu).unwrap());
    }
    let config =
        EncoderConfig { weights: EncoderWeights::Plain, padding, pooling: Pooling::Ceil, unit_means: false };
    let encoder = Encoder::with_widths(&Weights::new(tensors, "golden"), config, [8, 16, 32, 64]).unwrap();
    let parameters = Parameters::new(Key::new("decoder", &[0]));
    let config = DecoderConfig { features: 64, widths: [8, 16, 32] };
    let decoder = Decoder::new(config, &parameters.builder(DType::F32, &Device::Cpu)).unwrap();
    parameters.assign(&golden.weights("decoder.")).unwrap();
    Stylizer::new(encoder, decoder).unwrap().with_tile(tile)
}

fn picture(width: u32, height: u32, by: f64) -> RgbImage {
    let wave = |x: f64| (127.5 + 127.0 * x.sin()) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) * by, f64::from(y) * by);
        Rgb([wave(x * 0.11 + y * 0.05), wave(x * y * 0.002), wave(y * 0.2 - x * 0.03)])
    })
}

fn style(stylizer: &Stylizer, by: f64) -> Statistics {
    stylizer.style("style", &picture(70, 50, by)).unwrap()
}

/// The largest difference of two pictures, in bytes, and how many of them differ by as much.
fn difference(a: &RgbImage, b: &RgbImage) -> (u8, usize) {
    assert_eq!(a.dimensions(), b.dimensions());
    let differences = || a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b));
    let most = differences().max().unwrap();
    (most, differences().filter(|difference| *difference == most).count())
}

#[test]
fn tiles_make_no_difference() {
    for padding in [Padding::Reflect, Padding::Zero] {
        // Sides that are no multiples of 8, and a last tile that is narrow.
        let content = picture(301, 203, 1.0);
        let (whole, tiled) = (stylizer(padding, 512), stylizer(padding, 64));
        let styles = [style(&whole, 2.0), style(&whole, 0.6)];
        for alpha in [1.0, 0.4] {
            let [one, other] = [&whole, &tiled]
                .map(|by| by.content(&content, &[]).unwrap().draw(&styles[..1], alpha).unwrap());
            let (most, count) = difference(&one, &other);
            assert!(most <= 1 && count < 2000, "{padding:?}, {alpha}: {count} bytes differ by {most}");
        }
        // By regions.
        let left = GrayImage::from_fn(301, 203, |x, _| Luma([if x < 120 { 255 } else { 0 }]));
        let below = GrayImage::from_fn(50, 40, |_, y| Luma([(y * 6) as u8]));
        let masks = [left, below];
        let [one, other] =
            [&whole, &tiled].map(|by| by.content(&content, &masks).unwrap().draw(&styles, 1.0).unwrap());
        let (most, count) = difference(&one, &other);
        assert!(most <= 1 && count < 2000, "{padding:?}: {count} bytes differ by {most}");
    }
}

#[test]
fn the_style_of_a_picture_in_tiles_is_that_of_the_whole() {
    let large = picture(304, 200, 0.7);
    let [one, other] = [512, 64].map(|tile| stylizer(Padding::Reflect, tile).style("it", &large).unwrap());
    for (a, b) in [(&one.mean, &other.mean), (&one.deviation, &other.deviation)] {
        let error = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let scale = a.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(error < 1e-4 * scale, "{error} of {scale}");
    }
}

#[test]
fn alpha_goes_from_the_content_to_the_style() {
    let stylizer = stylizer(Padding::Reflect, 512);
    let content = picture(64, 48, 1.0);
    let looked_at = stylizer.content(&content, &[]).unwrap();
    let draw = |by: f64, alpha: f64| looked_at.draw(&[style(&stylizer, by)], alpha).unwrap();
    // At 0 the style does not matter.
    assert_eq!(draw(2.0, 0.0), draw(0.5, 0.0));
    assert_ne!(draw(2.0, 1.0), draw(0.5, 1.0));
    assert_ne!(draw(2.0, 0.5), draw(2.0, 1.0));
}

#[test]
fn a_mask_keeps_a_style_where_it_is_white() {
    let stylizer = stylizer(Padding::Reflect, 512);
    let content = picture(160, 96, 1.0);
    let (first, second) = (style(&stylizer, 2.0), style(&stylizer, 0.5));
    let left = GrayImage::from_fn(160, 96, |x, _| Luma([if x < 80 { 255 } else { 0 }]));
    let masked = stylizer.content(&content, &[left]).unwrap();
    let (one, other) =
        (masked.draw(from_ref(&first), 1.0).unwrap(), masked.draw(from_ref(&second), 1.0).unwrap());
    let as_it_is = masked.draw(from_ref(&first), 0.0).unwrap();
    let right = |picture: &RgbImage| image::imageops::crop_imm(picture, 116, 0, 44, 96).to_image();
    // What is not marked, and far enough away for the decoder's kernels, depends on no style.
    for other in [&other, &as_it_is] {
        let (most, _) = difference(&right(&one), &right(other));
        assert!(most <= 1, "{most}");
    }
    assert_ne!(one, other);
    let wrong = masked.draw(&[first, second], 1.0).unwrap_err().to_string();
    assert_eq!(wrong, "2 styles are given for 1 regions");
}

#[test]
fn contents_may_have_any_size_and_styles_almost_any() {
    let stylizer = stylizer(Padding::Reflect, 512);
    let style = style(&stylizer, 2.0);
    for (width, height) in [(1, 1), (3, 70), (16, 16), (17, 9)] {
        let content = picture(width, height, 1.0);
        let drawn = stylizer.content(&content, &[]).unwrap().draw(from_ref(&style), 1.0).unwrap();
        assert_eq!(drawn.dimensions(), (width, height));
    }
    assert!(stylizer.style("it", &picture(9, 9, 1.0)).is_ok());
    let small = stylizer.style("`a.png`", &picture(20, 8, 1.0)).unwrap_err().to_string();
    assert_eq!(small, "`a.png` is 20x8, but 9 pixels along each side is the least");
}

#[test]
fn the_way_between_styles_is_their_mean() {
    let stylizer = stylizer(Padding::Reflect, 512);
    let (first, second) = (style(&stylizer, 2.0), style(&stylizer, 0.5));
    let blend = Statistics::blend(&[(first.clone(), 0.25), (second.clone(), 0.75)]).unwrap();
    for (part, one, other) in
        [(&blend.mean, &first.mean, &second.mean), (&blend.deviation, &first.deviation, &second.deviation)]
    {
        let expected = ((one * 0.25).unwrap() + (other * 0.75).unwrap()).unwrap();
        let error = (part - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(error < 1e-6, "{error}");
    }
    assert!(Statistics::blend(&[]).is_err());
}
