//! Standard normal numbers, the same on every device; `normal.cu` says how.

use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Result, Shape, Storage, Tensor};

use crate::cuda::{Argument, Gpu, View};

/// Numbers of the generator that one block looks at, its threads, and places where its first sample may start.
const CHUNK: usize = 2048;
const THREADS: usize = 256;
const ENTRIES: usize = 32;

/// What numbers are drawn by, kept on a GPU.
struct Ziggurat(CudaSlice<f64>);

/// Layers of the ziggurat.
const LAYERS: usize = 256;
/// Where the lowest layer's rectangle ends and the tail starts (Doornik 2005), and where it would end with the tail's
/// area in it.
const TAIL: f64 = 3.654_152_885_361_009;
const LOWEST: f64 = 3.910_757_959_537_09;

/// The right ends of all layers, the lowest first, and zero; then the density at each of them.
///
/// All layers have the same area, so each end follows from the one before.
fn ziggurat() -> Vec<f64> {
    let density = |x: f64| (-x * x / 2.).exp();
    let area = LOWEST * density(TAIL);
    let mut ends = vec![LOWEST, TAIL];
    while ends.len() < LAYERS {
        let last = ends[ends.len() - 1];
        ends.push((-2. * (density(last) + area / last).ln()).sqrt());
    }
    ends.push(0.);
    let densities: Vec<f64> = ends.iter().map(|&x| density(x)).collect();
    [ends, densities].concat()
}

/// A tensor of `f32` with the first samples of the generator that starts from `key`.
pub(super) fn normal(key: &[u8; 32], shape: &Shape, device: &CudaDevice) -> Result<Tensor> {
    let values = Gpu::<f32>::new(device)?.normal(key, shape.elem_count())?;
    let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(values, device.clone()));
    Ok(Tensor::from_storage(storage, shape.clone(), BackpropOp::none(), false))
}

impl Gpu<f32> {
    fn normal(&self, key: &[u8; 32], len: usize) -> Result<CudaSlice<f32>> {
        let context = &self.context;
        let mut y = context.allocate::<f32>(len)?;
        // A sample takes 1.02 numbers on average.
        let chunks = (len + len / 32 + 1024).div_ceil(CHUNK);
        let key = key.as_chunks::<4>().0.iter().map(|&word| Argument::Size(u32::from_le_bytes(word)));
        let ziggurat = context.kept(|context| context.device.clone_htod(&ziggurat()).map(Ziggurat))?;
        let tables = View::of(&ziggurat.0);
        let mut steps = context.allocate::<u32>(chunks * ENTRIES)?;
        // Pairs of numbers of 32 bits.
        let mut starts = context.allocate::<u64>(chunks)?;
        let arguments: Vec<_> = [tables.into(), (&mut steps).into()].into_iter().chain(key.clone()).collect();
        context.launch::<f32>("normal_steps", [chunks, 1, 1], [THREADS, 1], &arguments)?;
        let arguments = [View::of(&steps).into(), (&mut starts).into(), chunks.into()];
        context.launch::<f32>("normal_starts", [1; 3], [THREADS, 1], &arguments)?;
        let values = [tables.into(), View::of(&starts).into(), (&mut y).into(), len.into()];
        let arguments: Vec<_> = values.into_iter().chain(key).collect();
        context.launch::<f32>("normal_values", [chunks, 1, 1], [THREADS, 1], &arguments)?;
        Ok(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_get_narrower_up_to_the_top() {
        let tables = ziggurat();
        assert_eq!(tables.len(), 2 * (LAYERS + 1));
        assert!(tables[..=LAYERS].is_sorted_by(|a, b| a > b));
        // The highest layer is as large as the others, though nothing but the area below it says so.
        let (end, density) = (tables[LAYERS - 1], tables[2 * LAYERS]);
        let area = tables[0] * tables[LAYERS + 2];
        assert!((end * (1. - density) / area - 1.).abs() < 1e-9, "{end} {density}");
    }
}
