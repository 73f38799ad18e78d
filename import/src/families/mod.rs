//! The programs whose networks are read, a file each: by which names they are known, and what becomes of each tensor.

pub(crate) mod genforce;
pub(crate) mod lernapparat;
pub(crate) mod official;
pub(crate) mod rosinality;
mod widths;

use std::fmt;

use crate::Result;
use crate::Store;
use crate::refusals::Refusals;
use stylegan_ops::{Resolution, Widths};

/// Whose networks a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The original's, in TensorFlow.
    Official,
    /// rosinality's, in PyTorch.
    Rosinality,
    /// genforce's, in PyTorch.
    Genforce,
    /// lernapparat's, in PyTorch.
    Lernapparat,
    /// huangzh13's, in PyTorch.
    Huangzh13,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Official => "official StyleGAN",
            Self::Rosinality => "rosinality's StyleGAN",
            Self::Genforce => "genforce's StyleGAN",
            Self::Lernapparat => "lernapparat's StyleGAN",
            Self::Huangzh13 => "huangzh13's StyleGAN",
        })
    }
}

/// The largest side, counted from 4 on, that there is.
fn largest(is_there: impl Fn(usize) -> bool) -> usize {
    (2..14).map(|log2| 1 << log2).take_while(|&side| is_there(side)).last().unwrap_or(4)
}

/// The sides of a square network.
fn sides(resolution: usize) -> impl Iterator<Item = usize> {
    Resolution::square(resolution).levels().map(Resolution::side)
}

/// How many there are, counted from 0 on.
fn count(is_there: impl Fn(usize) -> bool) -> usize {
    (0..64).take_while(|&index| is_there(index)).count()
}

/// Numbers of a vector; 0 of anything else.
fn numbers(shape: &[usize]) -> usize {
    if let [count] = shape { *count } else { 0 }
}

/// Rows and columns of a matrix; 0 of anything else.
fn matrix(shape: &[usize]) -> (usize, usize) {
    if let [rows, columns] = shape { (*rows, *columns) } else { (0, 0) }
}

/// The formula of widths that arrays have.
fn widths_of(told: Widths, widths: &[(usize, usize)], store: &Store) -> Result<Widths> {
    widths::that_give(told, widths).ok_or_else(|| {
        let widths: Vec<String> = widths.iter().map(|(side, width)| format!("{side}: {width}")).collect();
        store.damaged(format!("its widths follow no formula: {}", widths.join(", ")))
    })
}
