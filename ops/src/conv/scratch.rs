//! Working memory that each thread keeps from one convolution to the next.
//!
//! A page fresh from the system costs more than filling it with a convolution's intermediate values, so
//! buffers go back to a pool of the thread that took them. A task may take several, and may run inside
//! another one that rayon has put aside: the pool is never borrowed while a buffer is in use.

use std::cell::RefCell;

use pulp::bytemuck::{self, Pod, Zeroable};

/// One cache line, so that buffers start at the start of one.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u64; 8]);

#[expect(unsafe_code, reason = "buffers of any element type share one pool")]
// SAFETY: 64 bytes of integers, all zeros among the valid values.
unsafe impl Zeroable for Line {}

#[expect(unsafe_code, reason = "buffers of any element type share one pool")]
// SAFETY: as long as it is aligned, without padding, and valid for every pattern of bits.
unsafe impl Pod for Line {}

/// Values of any type that start at the start of a cache line, as vectors have to.
#[derive(Debug)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    /// At least `len` zeros.
    pub(super) fn zeros<T: Pod>(len: usize) -> Self {
        Self(vec![Line::zeroed(); lines::<T>(len)])
    }

    pub(super) fn values<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&self.0)
    }

    pub(super) fn values_mut<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// Lines that hold so many values.
fn lines<T>(len: usize) -> usize {
    (len * size_of::<T>()).div_ceil(size_of::<Line>())
}

/// Buffers that one thread keeps at most.
const KEPT: usize = 8;

thread_local! {
    static POOL: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `len` values that hold whatever the last user left in them.
pub(super) fn with_scratch<T: Pod, R>(len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    let lines = lines::<T>(len);
    let mut buffer = take(lines);
    if buffer.len() < lines {
        buffer.resize(lines, Line::zeroed());
    }
    let result = work(&mut bytemuck::cast_slice_mut(&mut buffer)[..len]);
    POOL.with_borrow_mut(|pool| {
        if pool.len() < KEPT {
            pool.push(buffer);
        }
    });
    result
}

/// The smallest buffer that is long enough, else the one that lacks least.
fn take(lines: usize) -> Vec<Line> {
    POOL.with_borrow_mut(|pool| {
        let fitting = pool.iter().enumerate().filter(|(_, buffer)| buffer.len() >= lines);
        let best = fitting.min_by_key(|(_, buffer)| buffer.len()).map(|(index, _)| index);
        match best {
            Some(index) => pool.swap_remove(index),
            None if pool.len() == KEPT => pool.pop().unwrap_or_default(),
            None => Vec::new(),
        }
    })
}
