//! Where operations are done: by the CPU here, by an NVIDIA GPU in `cuda/engine.rs`.
//!
//! What an engine can do beyond keeping values stands with the operations: each folder has a trait for the steps of its
//! own, which `cpu.rs` and `cuda.rs` beside it implement.

use std::marker::PhantomData;
use std::ops::Range;

use candle_core::{Layout, Result, Shape, Storage, bail};

use crate::float::Float;

/// Where values are kept and computed. Values are contiguous, and a sample's planes lie one behind the other.
pub(crate) trait Engine: Sized + 'static {
    /// Values that were computed.
    type Values;
    /// Values of somebody else.
    type View<'a>: Copy;
    /// Values of one layer's gradient that are worth having at a time.
    const PART_VALUES: usize;

    /// All values in a storage.
    fn kept<'a>(&self, storage: &'a Storage) -> Result<Self::View<'a>>;
    /// A storage for values.
    fn keep(&self, values: Self::Values) -> Storage;
    fn all<'a>(&self, values: &'a Self::Values) -> Self::View<'a>;
    fn part<'a: 'b, 'b>(&self, view: Self::View<'a>, range: Range<usize>) -> Self::View<'b>;
    fn len(&self, view: Self::View<'_>) -> usize;

    /// The values of a contiguous tensor.
    fn tensor<'a>(&self, storage: &'a Storage, layout: &'a Layout) -> Result<Input<'a, Self>> {
        match layout.contiguous_offsets() {
            Some((start, end)) => {
                Ok(Input { values: self.part(self.kept(storage)?, start..end), shape: layout.shape() })
            }
            None => bail!("expected a contiguous tensor, got {layout:?}"),
        }
    }

    /// The same values for as long as others are looked at.
    fn shorter<'a: 'b, 'b>(&self, view: Self::View<'a>) -> Self::View<'b> {
        self.part(view, 0..self.len(view))
    }

    fn copy(&self, view: Self::View<'_>) -> Result<Self::Values>;
    fn zeros(&self, len: usize) -> Result<Self::Values>;
    /// All parts, one behind the other.
    fn concat(&self, parts: Vec<Self::Values>) -> Result<Self::Values>;
    fn sum(&self, a: Self::Values, b: Self::Values) -> Result<Self::Values>;
}

/// An argument of an operation.
pub(crate) struct Input<'a, E: Engine> {
    pub(crate) values: E::View<'a>,
    pub(crate) shape: &'a Shape,
}

impl<E: Engine> Clone for Input<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Engine> Copy for Input<'_, E> {}

/// The CPU's cores, with values of one type.
pub(crate) struct Cpu<T>(PhantomData<T>);

impl<T> Cpu<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Float> Engine for Cpu<T> {
    type Values = Vec<T>;
    type View<'a> = &'a [T];
    /// 24 MiB of `f32`
    const PART_VALUES: usize = 6 << 20;

    fn kept<'a>(&self, storage: &'a Storage) -> Result<&'a [T]> {
        match storage {
            Storage::Cpu(storage) => storage.as_slice(),
            _ => bail!("expected a tensor in memory, got one on {:?}", storage.device().location()),
        }
    }

    fn keep(&self, values: Vec<T>) -> Storage {
        Storage::Cpu(T::to_cpu_storage_owned(values))
    }

    fn all<'a>(&self, values: &'a Vec<T>) -> &'a [T] {
        values
    }

    fn part<'a: 'b, 'b>(&self, view: &'a [T], range: Range<usize>) -> &'b [T] {
        &view[range]
    }

    fn len(&self, view: &[T]) -> usize {
        view.len()
    }

    fn copy(&self, view: &[T]) -> Result<Vec<T>> {
        Ok(view.to_vec())
    }

    fn zeros(&self, len: usize) -> Result<Vec<T>> {
        Ok(vec![T::zero(); len])
    }

    fn concat(&self, parts: Vec<Vec<T>>) -> Result<Vec<T>> {
        let joined = parts.into_iter().reduce(|mut all, part| {
            all.extend(part);
            all
        });
        Ok(joined.unwrap_or_default())
    }

    fn sum(&self, mut a: Vec<T>, b: Vec<T>) -> Result<Vec<T>> {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        Ok(a)
    }
}
