//! What the reference in PyTorch computes, for tests: `scripts/reference/faces.py`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use image::{Rgb, RgbImage};

const GOLDEN: &[u8] = include_bytes!("../../tests/fixtures/faces.safetensors");

/// A face of ellipses, as `drawn_face` in `faces.py` draws it, pixel for pixel.
pub(super) fn picture(side: u32) -> RgbImage {
    let head = [5000, 5200, 2600, 3500, 214, 168, 140];
    let shapes: [[i64; 7]; 17] = [
        [5000, 4300, 3000, 3500, 60, 40, 30],
        head,
        [5000, 6100, 2150, 2400, 220, 174, 146],
        [3800, 4150, 700, 120, 50, 34, 28],
        [6200, 4150, 700, 120, 50, 34, 28],
        [3850, 4700, 520, 260, 245, 240, 236],
        [6150, 4700, 520, 260, 245, 240, 236],
        [3850, 4700, 250, 250, 70, 50, 40],
        [6150, 4700, 250, 250, 70, 50, 40],
        [3850, 4700, 110, 110, 10, 10, 10],
        [6150, 4700, 110, 110, 10, 10, 10],
        [5000, 5500, 260, 700, 205, 152, 124],
        [4700, 6020, 150, 100, 120, 70, 60],
        [5300, 6020, 150, 100, 120, 70, 60],
        [5000, 6950, 900, 260, 176, 80, 80],
        [5000, 6900, 780, 70, 90, 30, 36],
        [5000, 7900, 500, 160, 200, 150, 124],
    ];
    RgbImage::from_fn(side, side, |x, y| {
        // The middle of the pixel, in ten-thousandths of the side.
        let at = |place: u32| (2 * i64::from(place) + 1) * 5000 / i64::from(side);
        let (x, y) = (at(x), at(y));
        let mut color = [120 + x / 200, 150 + y / 250, 190 - x / 250];
        for [center_x, center_y, radius_x, radius_y, red, green, blue] in shapes {
            let (dx, dy) = (x - center_x, y - center_y);
            let inside = radius_x * radius_x * radius_y * radius_y;
            if dx * dx * radius_y * radius_y + dy * dy * radius_x * radius_x <= inside {
                let shade = (dx * 24 / radius_x) + (dy * 12 / radius_y);
                color = [red - shade, green - shade, blue - shade];
            }
        }
        Rgb(color.map(|value| value.clamp(0, 255) as u8))
    })
}

/// Compares with the golden numbers of this name.
pub(super) fn assert_close(name: &str, found: &Tensor, tolerance: f32) {
    let golden: HashMap<_, _> = candle_core::safetensors::load_buffer(GOLDEN, &Device::Cpu).unwrap();
    let expected = &golden[name];
    assert_eq!(found.dims(), expected.dims());
    let error = (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let largest = expected.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(error < tolerance && largest > 0.1, "{name}: off by {error}, of {largest}");
}
