//! Standard normal numbers, the same on every device; `normal.cu` says how.

use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Result, Shape, Storage, Tensor};

use crate::cuda::{Argument, Gpu, Row, TABLE_ROWS, View, address};

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

/// Draws that two rows of a table each have room for.
const DRAWS: usize = TABLE_ROWS / 2;

/// A tensor of `f32` for each key, with the first samples of the generator that starts from it.
pub(super) fn normals<'a>(
    draws: impl Iterator<Item = (&'a [u8; 32], Shape)>,
    device: &CudaDevice,
) -> Result<Vec<Tensor>> {
    let (gpu, draws) = (Gpu::<f32>::new(device)?, draws.collect::<Vec<_>>());
    let mut tensors = Vec::with_capacity(draws.len());
    for draws in draws.chunks(DRAWS) {
        let lengths: Vec<_> = draws.iter().map(|(key, shape)| (*key, shape.elem_count())).collect();
        for (values, (_, shape)) in gpu.normals(&lengths)?.into_iter().zip(draws) {
            let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(values, device.clone()));
            tensors.push(Tensor::from_storage(storage, shape.clone(), BackpropOp::none(), false));
        }
    }
    Ok(tensors)
}

impl Gpu<f32> {
    /// The same of so many values each, in three launches.
    fn normals(&self, draws: &[(&[u8; 32], usize)]) -> Result<Vec<CudaSlice<f32>>> {
        let context = &self.context;
        let mut table = Box::new([Row::default(); TABLE_ROWS]);
        let (mut results, mut first, mut most) = (Vec::with_capacity(draws.len()), 0, 0);
        for ((key, len), rows) in draws.iter().zip(table.as_chunks_mut::<2>().0) {
            let mut y = context.allocate::<f32>(*len)?;
            // A sample takes 1.02 numbers on average.
            let chunks = (len + len / 32 + 1024).div_ceil(CHUNK);
            let words = key.as_chunks::<8>().0.iter().map(|&word| u64::from_le_bytes(word));
            let rest = [address(&mut y), *len as u64, chunks as u64, first as u64];
            rows.as_flattened_mut().iter_mut().zip(words.chain(rest)).for_each(|(place, word)| *place = word);
            (first, most) = (first + chunks, most.max(chunks));
            results.push(y);
        }
        let ziggurat = context.kept(|context| context.device.clone_htod(&ziggurat()).map(Ziggurat))?;
        let tables: Argument = View::of(&ziggurat.0).into();
        let mut steps = context.allocate::<u32>(first * ENTRIES)?;
        // Pairs of numbers of 32 bits.
        let mut starts = context.allocate::<u64>(first)?;
        let (table, threads) = (Argument::Table(table), [THREADS, 1]);
        let arguments = [table.clone(), tables.clone(), (&mut steps).into()];
        context.launch::<f32>("normal_steps", [most, draws.len(), 1], threads, &arguments)?;
        let arguments = [table.clone(), View::of(&steps).into(), (&mut starts).into()];
        context.launch::<f32>("normal_starts", [1, draws.len(), 1], threads, &arguments)?;
        let arguments = [table, tables, View::of(&starts).into()];
        context.launch::<f32>("normal_values", [most, draws.len(), 1], threads, &arguments)?;
        Ok(results)
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
