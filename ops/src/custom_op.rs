//! candle's custom operations, by one method that does the same on every engine.

/// `cpu_fwd` and `cuda_fwd` of an operation of so many arguments by its method `run(engine, inputs…)`, which gives values
/// and their shape.
macro_rules! runs_on_every_engine {
    (1) => {
        $crate::custom_op::runs_on_every_engine!(a a_layout);
    };
    (2) => {
        $crate::custom_op::runs_on_every_engine!(a a_layout, b b_layout);
    };
    (3) => {
        $crate::custom_op::runs_on_every_engine!(a a_layout, b b_layout, c c_layout);
    };
    ($first:ident $first_layout:ident $(, $other:ident $other_layout:ident)*) => {
        fn cpu_fwd(
            &self,
            $first: &candle_core::CpuStorage,
            $first_layout: &candle_core::Layout,
            $($other: &candle_core::CpuStorage, $other_layout: &candle_core::Layout,)*
        ) -> candle_core::Result<(candle_core::CpuStorage, candle_core::Shape)> {
            use $crate::engine::{Cpu, Input};
            use $crate::float::slice;

            $crate::float::float_kernel!(self.name(), $first, T => {
                let (values, shape) = self.run(
                    &Cpu::<T>::new(),
                    Input { values: slice::<T>($first, $first_layout)?, shape: $first_layout.shape() },
                    $(Input { values: slice::<T>($other, $other_layout)?, shape: $other_layout.shape() },)*
                )?;
                Ok((candle_core::WithDType::to_cpu_storage_owned(values), shape))
            })
        }

        #[cfg(feature = "cuda")]
        fn cuda_fwd(
            &self,
            $first: &candle_core::CudaStorage,
            $first_layout: &candle_core::Layout,
            $($other: &candle_core::CudaStorage, $other_layout: &candle_core::Layout,)*
        ) -> candle_core::Result<(candle_core::CudaStorage, candle_core::Shape)> {
            $crate::cuda::on_gpu!(self.name(), $first, gpu => self.run(
                &gpu,
                gpu.input($first, $first_layout)?,
                $(gpu.input($other, $other_layout)?,)*
            )?)
        }
    };
}
pub(crate) use runs_on_every_engine;
