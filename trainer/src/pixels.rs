//! Pictures of a batch as the step takes them.

use candle_core::{DType, Device, Result, Tensor};
use stylegan_dataset::{Batch, Bits};
use stylegan_ops::{Resolution, upload};

/// The pictures of a batch on a device.
///
/// # Shapes
/// - returns: `[batch, channels, height, width]` in 0..255, of bytes, or of `f32` where they have 16 bits
///
/// # Errors
/// If the device fails.
pub fn pixels_of(batch: &Batch, device: &Device) -> Result<Tensor> {
    let Resolution { width, height } = batch.request.resolution;
    let shape = [batch.request.batch, batch.channels, height, width];
    match batch.bits {
        Bits::Eight => upload(&batch.pixels, &shape[..], device),
        Bits::Sixteen => {
            // Bytes go to the device, half of what numbers would be.
            let [count, channels, ..] = shape;
            let bytes = upload(&batch.pixels, (count, channels, height, width, 2), device)?;
            let byte = |number| bytes.narrow(4, number, 1)?.squeeze(4)?.to_dtype(DType::F32);
            (byte(0)? + (byte(1)? * 256.0)?)?.affine(1.0 / 257.0, 0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use stylegan_dataset::BatchRequest;

    use super::*;

    fn batch(bits: Bits, pixels: Vec<u8>) -> Batch {
        let request = BatchRequest { first_position: 0, batch: 2, resolution: "2x1".parse().unwrap() };
        Batch { request, channels: 1, bits, pixels, labels: None }
    }

    #[test]
    fn sixteen_bits_lie_between_the_numbers_of_eight() -> Result<()> {
        let eight = pixels_of(&batch(Bits::Eight, vec![0, 7, 128, 255]), &Device::Cpu)?;
        assert_eq!((eight.dims(), eight.dtype()), (&[2, 1, 1, 2][..], DType::U8));
        let numbers = [0_u16, 7 * 257, 32_768, 65_535];
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let sixteen = pixels_of(&batch(Bits::Sixteen, bytes), &Device::Cpu)?;
        assert_eq!(sixteen.dims(), [2, 1, 1, 2]);
        for (value, number) in sixteen.flatten_all()?.to_vec1::<f32>()?.into_iter().zip(numbers) {
            assert!((f64::from(value) - f64::from(number) / 257.0).abs() < 2e-5, "{value} of {number}");
        }
        Ok(())
    }
}
