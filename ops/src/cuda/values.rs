//! Values in the memory of a GPU.

use std::marker::PhantomData;
use std::ops::Range;

use candle_core::WithDType;
use candle_core::cuda_backend::CudaDType;
use candle_core::cuda_backend::cudarc::cublas::sys::cudaDataType;
use candle_core::cuda_backend::cudarc::cudnn::CudnnDataType;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, DevicePtr, DevicePtrMut, DeviceRepr, ValidAsZeroBits, sys::CUdeviceptr,
};
use half::bf16;

/// The types that tensors on a GPU have; kernels call them so too.
pub(crate) trait Value: WithDType + CudaDType + CudnnDataType + DeviceRepr + ValidAsZeroBits {
    /// What is computed in; kernels call it `real`.
    type Real: WithDType + CudaDType + CudnnDataType + DeviceRepr;
    /// What the kernels call it.
    const NAME: &str;
    const BLAS: cudaDataType;
}

impl Value for f32 {
    type Real = f32;
    const NAME: &str = "float";
    const BLAS: cudaDataType = cudaDataType::CUDA_R_32F;
}

impl Value for f64 {
    type Real = f64;
    const NAME: &str = "double";
    const BLAS: cudaDataType = cudaDataType::CUDA_R_64F;
}

impl Value for bf16 {
    type Real = f32;
    const NAME: &str = "bfloat16";
    const BLAS: cudaDataType = cudaDataType::CUDA_R_16BF;
}

/// Neighboring values of somebody else.
///
/// All that is done to them is done on the stream of their owner, who is borrowed until it has been asked for; memory is
/// given back on the same stream, after it.
pub(crate) struct View<'a, T> {
    pub(crate) address: CUdeviceptr,
    len: usize,
    owner: PhantomData<&'a T>,
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

impl<'a, T> View<'a, T> {
    pub(crate) fn of(values: &'a CudaSlice<T>) -> Self {
        let (address, _) = values.device_ptr(values.stream());
        Self { address, len: values.len(), owner: PhantomData }
    }

    pub(crate) fn part(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {} values", self.len);
        Self { address: address_of::<T>(self.address, range.start), len: range.len(), ..self }
    }

    pub(crate) fn len(self) -> usize {
        self.len
    }
}

/// Where a value lies, counted from an address.
pub(crate) fn address_of<T>(address: CUdeviceptr, index: usize) -> CUdeviceptr {
    address + (index * size_of::<T>()) as CUdeviceptr
}

/// The address of values that are to be changed.
pub(crate) fn address<T>(values: &mut CudaSlice<T>) -> CUdeviceptr {
    let stream = values.stream().clone();
    values.device_ptr_mut(&stream).0
}

/// Tensors of the same size: up to four addresses, and how many values each has.
pub(crate) type Row = [u64; 5];

/// Rows of a table; with what else a kernel is told, one has to stay below 4 KB.
pub(crate) const TABLE_ROWS: usize = 64;

/// What a kernel is told. Sizes have 32 bits there, fractions are rounded to the kernel's type there.
#[derive(Clone)]
pub(crate) enum Argument {
    Address(CUdeviceptr),
    Size(u32),
    Fraction(f64),
    Table(Box<[Row; TABLE_ROWS]>),
}

impl Argument {
    /// As [`parameters`](super::kernels::parameters) has it.
    pub(crate) fn kind(&self) -> char {
        match self {
            Self::Address(_) => 'A',
            Self::Size(_) => 'S',
            Self::Fraction(_) => 'F',
            Self::Table(_) => 'T',
        }
    }
}

/// No values at all, where a kernel may do without.
pub(crate) const NOTHING: Argument = Argument::Address(0);

impl<T> From<View<'_, T>> for Argument {
    fn from(view: View<'_, T>) -> Self {
        Self::Address(view.address)
    }
}

impl<T> From<Option<View<'_, T>>> for Argument {
    fn from(view: Option<View<'_, T>>) -> Self {
        view.map_or(NOTHING, Self::from)
    }
}

impl<T> From<&mut CudaSlice<T>> for Argument {
    fn from(values: &mut CudaSlice<T>) -> Self {
        Self::Address(address(values))
    }
}

impl From<usize> for Argument {
    fn from(size: usize) -> Self {
        Self::Size(size as u32)
    }
}

impl From<f64> for Argument {
    fn from(fraction: f64) -> Self {
        Self::Fraction(fraction)
    }
}
