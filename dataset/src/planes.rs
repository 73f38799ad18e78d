//! Channels set apart, and joined again.

use crate::channels::Channels;

/// Pixels whose channels are set apart together.
const TOGETHER: usize = 1024;

/// Sets channels apart: `[height, width, channels]` to `[channels, height, width]`.
pub(crate) fn planes_of<T: Copy + Default>(samples: &[T], channels: Channels) -> Vec<T> {
    match channels {
        Channels::Grey => samples.to_vec(),
        Channels::Rgb => planes_of_pixels::<T, 3>(samples),
        Channels::Rgba => planes_of_pixels::<T, 4>(samples),
    }
}

fn planes_of_pixels<T: Copy + Default, const CHANNELS: usize>(samples: &[T]) -> Vec<T> {
    let pixels = samples.as_chunks::<CHANNELS>().0;
    let mut planes = vec![T::default(); CHANNELS * pixels.len()];
    // All channels of a few pixels at a time, which are read once.
    for (number, together) in pixels.chunks(TOGETHER).enumerate() {
        for channel in 0..CHANNELS {
            let part = &mut planes[channel * pixels.len() + number * TOGETHER..][..together.len()];
            part.iter_mut().zip(together).for_each(|(value, pixel)| *value = pixel[channel]);
        }
    }
    planes
}

/// The opposite: `[channels, height, width]` to `[height, width, channels]`, of so many channels.
pub(crate) fn interleave<T: Copy + Default>(planes: &[T], channels: usize) -> Vec<T> {
    let mut samples = vec![T::default(); planes.len()];
    for (channel, plane) in planes.chunks_exact((planes.len() / channels.max(1)).max(1)).enumerate() {
        for (value, pixel) in plane.iter().zip(samples.chunks_exact_mut(channels)) {
            pixel[channel] = *value;
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_set_apart_and_joined_again() {
        let eight: Vec<u8> = (0..24).collect();
        let planes = planes_of(&eight, Channels::Rgb);
        assert_eq!(planes[..4], [0, 3, 6, 9]);
        assert_eq!(interleave(&planes, 3), eight);
        let sixteen: Vec<u16> = (0..24).map(|number| 1000 * number).collect();
        let planes = planes_of(&sixteen, Channels::Rgb);
        assert_eq!(planes[1], 3000);
        assert_eq!(interleave(&planes, 3), sixteen);
        assert_eq!(planes_of(&eight, Channels::Rgba)[..7], [0, 4, 8, 12, 16, 20, 1]);
        assert_eq!(interleave(&planes_of(&eight, Channels::Grey), 1), eight);
    }
}
