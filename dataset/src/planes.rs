//! Channels set apart, and joined again.

use pulp::Arch;

use crate::channels::Channels;

/// Sets channels apart: `[height, width, channels]` to `[channels, height, width]`.
pub(crate) fn planes_of<T: Copy + Default>(samples: &[T], channels: Channels) -> Vec<T> {
    let mut planes = Vec::new();
    planes_into(samples, channels, &mut planes);
    planes
}

/// The same in place of what is in `planes`.
pub(crate) fn planes_into<T: Copy + Default>(samples: &[T], channels: Channels, planes: &mut Vec<T>) {
    planes.resize(samples.len(), T::default());
    match channels {
        Channels::Grey => planes.copy_from_slice(samples),
        Channels::Rgb => set_apart::<T, 3>(samples, planes),
        Channels::Rgba => set_apart::<T, 4>(samples, planes),
    }
}

fn set_apart<T: Copy, const CHANNELS: usize>(samples: &[T], planes: &mut [T]) {
    let pixels = samples.as_chunks::<CHANNELS>().0;
    let planes = planes.chunks_exact_mut(pixels.len().max(1)).collect::<Vec<_>>();
    let Ok(mut planes) = <[&mut [T]; CHANNELS]>::try_from(planes) else { return };
    // All channels in one loop, which the compiler makes shuffles of whole registers.
    Arch::new().dispatch(move || {
        for (at, pixel) in pixels.iter().enumerate() {
            for (plane, &value) in planes.iter_mut().zip(pixel) {
                plane[at] = value;
            }
        }
    });
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
