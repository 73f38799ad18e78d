//! How much memory a training holds, measured and estimated.

use stylegan_ops::sides;

use crate::TrainConfig;

/// Most memory this process has held so far, in bytes; none where the system does not say.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(kibibytes * 1024)
}

/// About how much memory training at `side` takes, in bytes.
///
/// Weights with their moments and gradients, plus what the graph of the dearer of the two steps keeps. The number of
/// tensors kept per layer was counted in the code of the layers.
pub(crate) fn estimate_bytes(
    config: &TrainConfig,
    side: usize,
    batch: usize,
    g_parameters: u64,
    d_parameters: u64,
) -> u64 {
    // g: value, average, second moment, gradient, scaled weight, and of the first three a copy being written; d: the
    // same without the average.
    let weights = 8 * g_parameters + 6 * d_parameters;
    let critic = config.critic();
    let (mut g_features, mut d_features) = (0, 0);
    for s in sides(side) {
        let pixels = (s * s) as u64;
        // Two layers of up-scaled, convolved, blurred, activated and styled features.
        g_features += pixels * config.generator.feature_maps(s) as u64 * 8;
        // conv0, its activation, blur, conv1 before and after downscaling, forwards three times and backwards once.
        d_features += pixels * (critic.feature_maps(s) * 4 + critic.feature_maps(s / 2)) as u64 * 4;
    }
    let frozen_critic = d_features / 4;
    let activations = batch as u64 * d_features.max(g_features + frozen_critic);
    4 * (weights + activations)
}
