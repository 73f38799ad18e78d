//! How new the parts are that CUDA consists of here.

use std::ffi::c_int;

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::{cudnn, driver, nvrtc};
use candle_core::{Result, bail};

use super::context::count;
use super::libraries;

/// Major and minor version.
pub type Version = (u32, u32);

/// What is installed of CUDA, and for how many GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The newest CUDA whose kernels the driver takes.
    pub driver_cuda: Version,
    /// The CUDA that kernels are compiled by.
    pub nvrtc: Version,
    /// Version of cuDNN.
    pub cudnn: Version,
    /// GPUs that the driver shows.
    pub gpus: usize,
}

/// What is installed of CUDA.
///
/// # Errors
/// If a library is missing, or the driver fails.
pub fn installed() -> Result<Installed> {
    libraries::check()?;
    // From 9 on, 91503 is 9.15.3.
    let cudnn = cudnn::result::get_version() as u32;
    Ok(Installed {
        driver_cuda: driver_cuda()?,
        nvrtc: nvrtc()?,
        cudnn: (cudnn / 10_000, cudnn / 100 % 100),
        gpus: count()?,
    })
}

#[expect(unsafe_code, reason = "a foreign function")]
fn driver_cuda() -> Result<Version> {
    let mut version: c_int = 0;
    // SAFETY: it writes one number.
    unsafe { driver::sys::cuDriverGetVersion(&raw mut version) }.result().w()?;
    // 13020 is 13.2.
    Ok((version.unsigned_abs() / 1000, version.unsigned_abs() / 10 % 100))
}

#[expect(unsafe_code, reason = "a foreign function")]
fn nvrtc() -> Result<Version> {
    let (mut major, mut minor): (c_int, c_int) = (0, 0);
    // SAFETY: it writes two numbers.
    match unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) } {
        nvrtc::sys::nvrtcResult::NVRTC_SUCCESS => Ok((major.unsigned_abs(), minor.unsigned_abs())),
        error => bail!("cuda: NVRTC does not tell its version: {error:?}"),
    }
}
