//! A result that several tasks fill at once.

use std::marker::PhantomData;

/// A slice to whose parts tasks write through pointers, promising not to overlap.
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
// SAFETY: only pointers are handed out, and whoever writes through them vouches that the parts are disjoint.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// Where `rows` rows of `columns` values start that lie `row_stride` apart, the first at `first`.
    pub(super) fn rows(&self, first: usize, row_stride: usize, rows: usize, columns: usize) -> *mut T {
        let end = first + rows.saturating_sub(1) * row_stride + columns;
        assert!(end <= self.len, "rows outside of the result");
        self.start.wrapping_add(first)
    }
}
