//! How much memory a training holds, measured and estimated.

use candle_core::Device;
use stylegan_ops::{GpuMemory, Resolution};

use crate::TrainConfig;

/// Most memory held so far, in bytes, of the kind that computing on `device` takes: of a GPU, what its tensors took since
/// [`GpuMemory::reset_peak`], else what this process took; none where the system does not say.
pub fn peak_memory_bytes(device: &Device) -> Option<u64> {
    if device.is_cpu() {
        return bytes_of("/proc/self/status", "VmHWM:");
    }
    Some(GpuMemory::of(device).ok()??.peak_bytes)
}

/// All memory of this machine and what is free of it, in bytes; none where the system does not say.
pub fn machine_memory_bytes() -> Option<(u64, u64)> {
    let bytes = |name| bytes_of("/proc/meminfo", name);
    Some((bytes("MemTotal:")?, bytes("MemAvailable:")?))
}

/// A number that the system tells in a file, such as `VmHWM:  1234 kB`.
fn bytes_of(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// About how much memory training at `resolution` takes, in bytes.
///
/// Weights with their moments and gradients, plus what the graph of the dearer of the two steps keeps. The number of
/// tensors kept per layer was counted in the code of the layers.
pub(crate) fn estimate_bytes(
    config: &TrainConfig,
    resolution: Resolution,
    batch: usize,
    g_parameters: u64,
    d_parameters: u64,
) -> u64 {
    // g: value, average, second moment, gradient, scaled weight, and of the first three a copy being written; d: the
    // same without the average.
    let weights = 8 * g_parameters + 6 * d_parameters;
    let critic = config.critic();
    let (mut g_features, mut d_features) = (0, 0);
    for level in resolution.levels() {
        let (side, pixels) = (level.side(), level.pixels() as u64);
        // Two layers of up-scaled, convolved, blurred, activated and styled features.
        g_features += pixels * config.generator.feature_maps(side) as u64 * 8;
        // conv0, its activation, blur, conv1 before and after downscaling, forwards three times and backwards once.
        d_features += pixels * (critic.feature_maps(side) * 4 + critic.feature_maps(side / 2)) as u64 * 4;
    }
    let frozen_critic = d_features / 4;
    let activations = batch as u64 * d_features.max(g_features + frozen_critic);
    4 * (weights + activations)
}
