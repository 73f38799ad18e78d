//! The networks whose layers are measured, and how long each is measured.

use std::time::Duration;

use candle_core::{DType, Device, Result, Tensor};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use mimalloc::MiMalloc;
use stylegan_ops::{Key, RandomTensors, Widths};

/// As in the program: results of many megabytes would otherwise cost more to map than to compute.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const MAX_BATCH: usize = 16;

/// A network, and the sides at which its layers are measured.
pub(crate) struct Network {
    pub(crate) resolution: usize,
    pub(crate) sides: &'static [usize],
    widths: Widths,
}

/// Narrow networks for 64x64 pictures, and the paper's for 256x256 and for 1024x1024, which adds two sides.
pub(crate) const NETWORKS: [Network; 3] = [
    Network { resolution: 64, sides: &[4, 8, 16, 32, 64], widths: widths(2048, 128) },
    Network { resolution: 256, sides: &[4, 8, 16, 32, 64, 128, 256], widths: widths(8192, 512) },
    Network { resolution: 1024, sides: &[512, 1024], widths: widths(8192, 512) },
];

const fn widths(fmap_base: usize, fmap_max: usize) -> Widths {
    Widths { fmap_base, fmap_decay: 1.0, fmap_max }
}

impl Network {
    /// Feature maps at a side.
    pub(crate) fn channels(&self, side: usize) -> usize {
        self.widths.feature_maps(side)
    }

    /// Pictures in a batch, fewer where features would take more than 8 MiB.
    pub(crate) fn batch(&self, side: usize) -> usize {
        let picture = 4 * self.channels(side) * side * side;
        ((8 << 20) / picture).clamp(1, MAX_BATCH)
    }
}

/// Few repetitions, so that all of it takes minutes, and no plots.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(10)
        .nresamples(1000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
}

pub(crate) fn group(criterion: &mut Criterion, name: impl Into<String>) -> BenchmarkGroup<'_, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Values as features have them.
pub(crate) fn normal(shape: &[usize]) -> Result<Tensor> {
    Key::new("features of a benchmark", &[]).normal(shape, DType::F32, &Device::Cpu)
}
