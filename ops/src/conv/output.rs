//! A result that several tasks fill at once.

use std::marker::PhantomData;

/// `len` values that `write` writes, all of them, before it reads any. Zeros would cost a pass over memory.
///
/// Where assertions are checked, what was left out is NaN.
///
/// # Safety
/// `write` leaves none out.
#[expect(unsafe_code, reason = "results are written to fresh memory, which a zeroing pass would cost")]
pub(super) unsafe fn written(len: usize, write: impl FnOnce(SharedSlice<'_, f32>)) -> Vec<f32> {
    let mut values: Vec<f32> = Vec::with_capacity(len);
    if cfg!(debug_assertions) {
        values.resize(len, f32::NAN);
        values.clear();
    }
    let start = values.spare_capacity_mut().as_mut_ptr().cast();
    write(SharedSlice { start, len, borrow: PhantomData });
    // SAFETY: there is room for so many, and the caller vouches that all of them were written.
    unsafe { values.set_len(len) };
    values
}

/// A slice whose parts are handed out to tasks that promise not to overlap.
///
/// Rayon's `par_chunks_mut` does this safely where a task's part is contiguous; the rows of one block of
/// tiles, in every channel of a picture, are not.
pub(super) struct SharedSlice<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

#[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
// SAFETY: the pointer gives access to values of type `T` only, from whichever thread.
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}

#[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
// SAFETY: whoever writes through a pointer or takes a part vouches that it overlaps no other.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// The part of `len` values from `offset` on.
    ///
    /// # Safety
    /// No two parts that are alive at the same time may overlap.
    #[expect(unsafe_code, reason = "tasks write parts of one result that are not contiguous")]
    #[expect(clippy::mut_from_ref, reason = "the caller vouches that parts do not overlap")]
    #[inline]
    pub(super) unsafe fn part(&self, offset: usize, len: usize) -> &mut [T] {
        assert!(offset <= self.len && len <= self.len - offset, "part outside of the result");
        // SAFETY: inside of the borrowed slice, and no other part that is alive overlaps it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), len) }
    }

    /// Where `rows` rows of `columns` values start that lie `row_stride` apart, the first at `first`.
    pub(super) fn rows(&self, first: usize, row_stride: usize, rows: usize, columns: usize) -> *mut T {
        let end = first + rows.saturating_sub(1) * row_stride + columns;
        assert!(end <= self.len, "rows outside of the result");
        self.start.wrapping_add(first)
    }
}
