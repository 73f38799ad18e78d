//! How pictures are cut into tiles, and tiles put together to blocks of work.

use super::scheme::Scheme;
use crate::conv::Geometry;
use crate::planes::Planes;

/// Most columns of tiles in a patch: beyond, the rows that it is cut from fall out of the cache.
const MAX_PATCH_COLUMNS: usize = 96;

/// A rectangle of tiles of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) image: usize,
    /// First row and column of tiles.
    pub(super) top: usize,
    pub(super) left: usize,
    /// Rows and columns of tiles.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Whether patches that it shares its first row, or its last, with are written before it.
    pub(super) after: [bool; 2],
}

impl Patch {
    pub(super) fn tiles(&self) -> usize {
        self.rows * self.columns
    }
}

/// Patches whose tiles are multiplied together.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) patches: Vec<Patch>,
    pub(super) tiles: usize,
}

impl Block {
    /// Each patch and the number of its first tile within the block.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, Patch)> + '_ {
        self.patches.iter().scan(0, |next, &patch| {
            let first = *next;
            *next += patch.tiles();
            Some((first, patch))
        })
    }
}

/// All tiles of a batch, in blocks of about `target` tiles.
pub(super) fn blocks<F: Scheme>(geometry: &Geometry, target: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for patch in patches::<F>(geometry, target) {
        match blocks.last_mut() {
            Some(block) if block.tiles + patch.tiles() <= target => {
                block.tiles += patch.tiles();
                block.patches.push(patch);
            }
            _ => blocks.push(Block { tiles: patch.tiles(), patches: vec![patch] }),
        }
    }
    blocks
}

/// The same of blocks that are written in the order of their turns, their patches one after the other.
pub(super) fn blocks_in_turns<F: Scheme>(
    geometry: &Geometry,
    target: usize,
    turn: impl Fn(usize) -> usize,
) -> Vec<Block> {
    let mut blocks = blocks::<F>(geometry, target);
    if F::OUTPUT.overlaps() {
        let mut above: Option<(usize, &mut Patch)> = None;
        for (number, block) in blocks.iter_mut().enumerate() {
            for patch in &mut block.patches {
                if let Some((number_above, above)) = above.filter(|_| patch.top > 0) {
                    let is_later = number_above == number || turn(number_above) < turn(number);
                    patch.after[0] = is_later;
                    above.after[1] = !is_later;
                }
                above = Some((number, patch));
            }
        }
    }
    blocks
}

/// Tiles in the whole batch.
pub(super) fn count<F: Scheme>(geometry: &Geometry) -> usize {
    let (rows, columns) = sides::<F>(geometry);
    geometry.batch * rows * columns
}

/// Rows and columns of tiles in one picture: as many as cover all that they read without overlap, or write so.
fn sides<F: Scheme>(geometry: &Geometry) -> (usize, usize) {
    let (cut, Planes { height, width, .. }) =
        if F::OUTPUT.overlaps() { (F::INPUT, geometry.input) } else { (F::OUTPUT, geometry.output) };
    (height.div_ceil(cut.step[0]), width.div_ceil(cut.step[1]))
}

fn patches<F: Scheme>(geometry: &Geometry, target: usize) -> Vec<Patch> {
    let (tile_rows, tile_columns) = sides::<F>(geometry);
    // Where tiles overlap in what they write, patches have neighbors above and below only.
    let columns = if F::OUTPUT.overlaps() {
        tile_columns
    } else {
        even_part(tile_columns, MAX_PATCH_COLUMNS.min(target.max(1)))
    };
    let rows = even_part(tile_rows, (target / columns).max(1));
    let mut patches = Vec::new();
    for image in 0..geometry.batch {
        for top in (0..tile_rows).step_by(rows) {
            for left in (0..tile_columns).step_by(columns) {
                let rows = rows.min(tile_rows - top);
                let columns = columns.min(tile_columns - left);
                patches.push(Patch { image, top, left, rows, columns, after: [false; 2] });
            }
        }
    }
    patches
}

/// The size of the parts when `whole` is cut into as few parts as fit into `limit`, as even as possible.
fn even_part(whole: usize, limit: usize) -> usize {
    whole.div_ceil(whole.div_ceil(limit))
}
