//! The vector unit that kernels run on.

use std::sync::LazyLock;

use pulp::Arch;

/// The widest vector unit of this machine; AVX2 where there is AVX-512 as well and the variable `STYLEGAN_SIMD` is `avx2`.
///
/// Products of large matrices, which the crate `gemm` computes, choose for themselves.
pub(crate) fn arch() -> Arch {
    static ARCH: LazyLock<Arch> =
        LazyLock::new(|| chosen(std::env::var_os("STYLEGAN_SIMD").is_some_and(|asked| asked == "avx2")));
    *ARCH
}

#[cfg(target_arch = "x86_64")]
fn chosen(asks_for_avx2: bool) -> Arch {
    match pulp::x86::V3::try_new() {
        Some(avx2) if asks_for_avx2 => Arch::V3(avx2),
        _ => Arch::new(),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn chosen(_: bool) -> Arch {
    Arch::new()
}
