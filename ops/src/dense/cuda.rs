//! Products of matrices, by cuBLAS.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::cublas::result::gemm_ex;
use candle_core::cuda_backend::cudarc::cublas::sys::{
    cublasComputeType_t, cublasGemmAlgo_t, cublasOperation_t,
};
use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{DType, Result, WithDType};

use super::{MultiplyMatrices, Product};
use crate::cuda::{Gpu, Value, View, address, is_tf32_allowed};

/// A factor of a product, whose rows of `columns` values lie one behind the other.
struct Factor<'a, T> {
    values: View<'a, T>,
    columns: usize,
    is_transposed: bool,
}

impl<'a, T> Factor<'a, T> {
    fn new(values: View<'a, T>, columns: usize) -> Self {
        Self { values, columns, is_transposed: false }
    }

    /// The same matrix with rows and columns exchanged, where it lies.
    fn transposed(self) -> Self {
        Self { is_transposed: !self.is_transposed, ..self }
    }
}

impl<T: Value> MultiplyMatrices for Gpu<T> {
    fn product(
        &self,
        product: Product,
        a: View<'_, T>,
        b: View<'_, T>,
        sizes @ [rows, columns, depth]: [usize; 3],
        scale: f64,
    ) -> Result<CudaSlice<T>> {
        let (left, right) = match product {
            Product::Forward => (Factor::new(a, depth), Factor::new(b, depth).transposed()),
            Product::Transpose => (Factor::new(a, depth), Factor::new(b, columns)),
            Product::WeightGrad => (Factor::new(b, rows).transposed(), Factor::new(a, columns)),
        };
        self.gemm(&left, &right, sizes, scale)
    }
}

impl<T: Value> Gpu<T> {
    /// `scale · left · right`, of `rows` by `columns` values and `depth` products for each of them.
    #[expect(unsafe_code, reason = "cuBLAS is a foreign library")]
    fn gemm(
        &self,
        left: &Factor<'_, T>,
        right: &Factor<'_, T>,
        [rows, columns, depth]: [usize; 3],
        scale: f64,
    ) -> Result<CudaSlice<T>> {
        if depth == 0 {
            return self.context.device.alloc_zeros(rows * columns);
        }
        let mut result = self.context.allocate(rows * columns)?;
        if rows * columns == 0 {
            return Ok(result);
        }
        let operation = |matrix: &Factor<'_, T>| {
            if matrix.is_transposed { cublasOperation_t::CUBLAS_OP_T } else { cublasOperation_t::CUBLAS_OP_N }
        };
        let compute = match T::DTYPE {
            DType::F64 => cublasComputeType_t::CUBLAS_COMPUTE_64F,
            DType::F32 if is_tf32_allowed() => cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            _ => cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let [alpha, beta] = [scale, 0.].map(T::Real::from_f64);
        let blas = self.context.device.cublas_handle();
        // cuBLAS has columns one behind the other, so that it sees all matrices transposed, and the product as that of
        // right and left.
        // SAFETY: the sizes are those of the matrices, which lie on the GPU that the handle belongs to.
        unsafe {
            gemm_ex(
                *blas.handle(),
                operation(right),
                operation(left),
                columns as i32,
                rows as i32,
                depth as i32,
                (&raw const alpha).cast(),
                right.values.address as *const _,
                T::BLAS,
                right.columns as i32,
                left.values.address as *const _,
                T::BLAS,
                left.columns as i32,
                (&raw const beta).cast(),
                address(&mut result) as *mut _,
                T::BLAS,
                columns as i32,
                compute,
                cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .w()?;
        Ok(result)
    }
}
