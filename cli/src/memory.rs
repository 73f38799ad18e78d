//! Where memory comes from.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Keeps what was freed for the next use instead of giving it back to the system.
///
/// A step of training frees and takes gigabytes. A page that comes back from the system is cleared first, which
/// costs more than most operations do on it: without this, a fifth of the time.
pub(crate) fn keep_pages() {
    /// `mi_option_purge_delay` of `mimalloc.h`; -1 is never.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    #[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
    // SAFETY: sets a number that the allocator reads; any value is allowed.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, -1);
    }
}
