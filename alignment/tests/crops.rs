//! Crops against those of PIL, NumPy and SciPy by FFHQ's recipe: `scripts/reference/faces.py`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use image::{Rgb, RgbImage};
use proptest::prelude::*;
use safetensors::SafeTensors;
use stylegan_alignment::{CropError, CropSquare, FacePoints, crop};

const GOLDEN: &[u8] = include_bytes!("fixtures/crops.safetensors");

/// The photo that `drawn_photo` of the script draws.
fn photo(width: u32, height: u32) -> RgbImage {
    let wave = |phase: u32, period: u32| {
        // A photo of one pixel has no waves.
        let period = period.max(1);
        ((phase % period).abs_diff(period / 2) * 510 / period) as u8
    };
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([wave(3 * x + y, width / 2), wave(x + 5 * y, width), wave(x * y / 16 + 2 * x, 2 * width)])
    })
}

fn numbers<const N: usize>(file: &SafeTensors<'_>, name: &str) -> [f64; N] {
    let data = file.tensor(name).unwrap().data();
    let values: Vec<f64> = data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    values.try_into().unwrap()
}

/// Five points of which the nose, which nothing follows from, is anywhere.
fn five([a, b, c, d, e, f, g, h]: [f64; 8]) -> FacePoints {
    FacePoints::new(&[[a, b], [c, d], [9.0, 7.0], [e, f], [g, h]]).unwrap()
}

#[test]
fn crops_are_those_of_the_recipe() {
    let file = SafeTensors::deserialize(GOLDEN).unwrap();
    let cases: Vec<&str> = file.names().into_iter().filter(|name| !name.contains('.')).collect();
    assert_eq!(cases.len(), 7);
    for name in cases {
        let square = CropSquare::of(&five(numbers(&file, &format!("{name}.points")))).unwrap();
        let quad: [f64; 6] = numbers(&file, &format!("{name}.quad"));
        let ours = [square.center, square.x, square.y()].concat();
        for (ours, theirs) in ours.iter().zip(quad) {
            assert!((ours - theirs).abs() < 1e-9, "{name}: {ours} {theirs}");
        }
        let size = file.tensor(&format!("{name}.size")).unwrap().data();
        let [width, height] = [0, 8].map(|at| u32::from_le_bytes(size[at..at + 4].try_into().unwrap()));
        let golden = file.tensor(name).unwrap();
        let face = crop(&photo(width, height), &square, golden.shape()[0] as u32).unwrap();
        let differences = || face.as_raw().iter().zip(golden.data()).map(|(a, b)| a.abs_diff(*b));
        let mean = differences().map(f64::from).sum::<f64>() / golden.data().len() as f64;
        assert_eq!(face.as_raw().len(), golden.data().len(), "{name}");
        assert!(differences().max() <= Some(2) && mean < 0.2, "{name}: {:?}, {mean}", differences().max());
    }
}

#[test]
fn a_photo_that_is_larger_and_turned_gives_the_same_face() {
    // Bands around the middle of the face, which looks the same at each size and roll; red tells right from left.
    let draw = |side: u32, unit: f64, roll: f64| {
        let middle = f64::from(side) / 2.0 - 0.5;
        RgbImage::from_fn(side, side, |x, y| {
            let (x, y) = ((f64::from(x) - middle) / unit, (f64::from(y) - middle) / unit);
            let (right, down) = (x * roll.cos() + y * roll.sin(), y * roll.cos() - x * roll.sin());
            let value = |t: f64| (127.5 + 100.0 * t.sin()) as u8;
            Rgb([value(right * 1.5), value(down * 1.5), value((x * x + y * y).sqrt() * 2.0)])
        })
    };
    let face = |side: u32, unit: f64, roll: f64| {
        let middle = f64::from(side) / 2.0 - 0.5;
        let place = |right: f64, down: f64| {
            [right * roll.cos() - down * roll.sin(), down * roll.cos() + right * roll.sin()]
                .map(|value| middle + unit * value)
        };
        let points = [(-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-0.6, 2.1), (0.6, 2.1)].map(|(x, y)| place(x, y));
        crop(&draw(side, unit, roll), &CropSquare::of(&FacePoints::Five(points)).unwrap(), 64).unwrap()
    };
    let small = face(300, 20.0, 0.0);
    for (side, unit, roll) in [(1500, 100.0, 0.0), (300, 20.0, 0.7), (900, 60.0, -2.0), (700, 47.0, 3.1)] {
        let other = face(side, unit, roll);
        let apart = small.as_raw().iter().zip(other.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let mean = apart.sum::<f64>() / small.as_raw().len() as f64;
        assert!(mean < 3.0, "{side} {unit} {roll}: {mean}");
    }
}

#[test]
fn what_cannot_be_cut_out_is_said() {
    let photo = photo(100, 80);
    let refusal = |points: [f64; 8], side| {
        crop(&photo, &CropSquare::of(&five(points)).unwrap(), side).unwrap_err().to_string()
    };
    assert_eq!(
        refusal([500.0, 50.0, 540.0, 50.0, 505.0, 95.0, 535.0, 95.0], 64),
        "the face at 520, 54 lies outside of the photo, which has 100x80 pixels"
    );
    let inside = [30.0, 20.0, 60.0, 20.0, 35.0, 50.0, 55.0, 50.0];
    assert_eq!(refusal(inside, 15), "a crop has from 16 to 2048 pixels a side, not 15");
    assert_eq!(refusal(inside, 2049), "a crop has from 16 to 2048 pixels a side, not 2049");
    let tiny = inside.map(|place| 40.0 + place / 1000.0);
    assert_eq!(refusal(tiny, 64), "the face at 40, 40 is smaller than a pixel");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_points_are_nothing_panics(
        size in (1_u32..60, 1_u32..60),
        exponent in -3_i32..18,
        places in proptest::collection::vec(-1.0_f64..1.0, 8),
        at in (-0.1_f64..1.1, -0.1_f64..1.1),
    ) {
        let scale = 10.0_f64.powi(exponent);
        let middle = [at.0 * f64::from(size.0), at.1 * f64::from(size.1)];
        let places: Vec<f64> = places.iter().zip(middle.iter().cycle()).map(|(p, m)| m + p * scale).collect();
        let photo = photo(size.0, size.1);
        if let Some(square) = CropSquare::of(&five(places.try_into().unwrap())) {
            match crop(&photo, &square, 16) {
                Ok(face) => prop_assert_eq!(face.dimensions(), (16, 16)),
                Err(CropError::Outside { .. } | CropError::Tiny { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}
