//! Memory that is asked for before it is needed.

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for the cache lines of `count` values from `start` on, wherever that is, and does not wait for them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn prefetch<T>(start: *const T, count: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    for offset in (0..count * size_of::<T>()).step_by(LINE) {
        #[expect(unsafe_code, reason = "there is no safe way to ask")]
        // SAFETY: a hint to the processor, which no address makes fail.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(start.wrapping_byte_add(offset).cast());
        }
    }
}

/// Does nothing: there is no stable intrinsic for it.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn prefetch<T>(_: *const T, _: usize) {}
