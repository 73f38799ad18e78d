//! Whether the libraries that CUDA consists of are there.

use candle_core::{Result, bail};

/// What is needed, and the names that its library may have.
const LIBRARIES: [(&str, &[&str]); 5] = [
    ("NVIDIA's driver", &["libcuda.so.1", "libcuda.so"]),
    ("cuBLAS", &["libcublas.so.13", "libcublas.so.12", "libcublas.so"]),
    ("cuRAND", &["libcurand.so.10", "libcurand.so"]),
    ("cuDNN 9", &["libcudnn.so.9", "libcudnn.so"]),
    ("NVRTC", NVRTC),
];

const NVRTC: &[&str] = &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];

/// Checks all libraries, since those that use them end the program where one is missing.
///
/// # Errors
/// If one cannot be opened.
pub(super) fn check() -> Result<()> {
    for (what, names) in LIBRARIES {
        if !names.iter().any(|name| can_open(name)) {
            bail!("cuda: {what} is not installed, `{}` cannot be opened", names[0]);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) fn is_nvrtc_there() -> bool {
    NVRTC.iter().any(|name| can_open(name))
}

#[expect(unsafe_code, reason = "a library may do anything when it is opened")]
fn can_open(name: &str) -> bool {
    // SAFETY: NVIDIA's libraries can be opened at any time, and are opened again right after.
    unsafe { libloading::Library::new(name) }.is_ok()
}
