//! How deep and how large a value is.

use super::Fault;
use super::value::{Id, Value};

/// Values inside one another, at most; official checkpoints have about ten.
const MAX_DEPTH: usize = 64;
/// Values that there would be if everything shared were copied out, at most.
const MAX_UNFOLDED: u64 = 1 << 22;

/// Refuses what lies too deep, holds itself, or would be too large if all that is shared were copied out.
///
/// Each value is looked at once, without recursion.
pub(super) fn check(values: &[Value], root: Id) -> Result<(), Fault> {
    /// Depth of a value that is being looked at.
    const OPEN: usize = usize::MAX;
    let excess = |reason: String| Err(Fault::Excess(reason));
    let too_deep = || excess(format!("nests deeper than {MAX_DEPTH} levels"));
    // For each value its depth, 0 if it was not looked at, and its size.
    let mut known = vec![(0_usize, 0_u64); values.len()];
    // Values being looked at, each inside the one before, with the number of the next inner one.
    let mut path = vec![(root, 0)];
    known[root.index()].0 = OPEN;
    while let Some((id, next)) = path.last_mut() {
        let id = *id;
        if let Some(inner) = values[id.index()].inner(*next) {
            *next += 1;
            match known[inner.index()].0 {
                0 if path.len() == MAX_DEPTH => return too_deep(),
                0 => {
                    known[inner.index()].0 = OPEN;
                    path.push((inner, 0));
                }
                OPEN => return excess("holds itself".to_owned()),
                _ => {}
            }
            continue;
        }
        path.pop();
        let (mut depth, mut size) = (1, 1_u64);
        for inner in (0..).map_while(|index| values[id.index()].inner(index)) {
            let (inner_depth, inner_size) = known[inner.index()];
            depth = depth.max(inner_depth + 1);
            size = size.saturating_add(inner_size);
        }
        if depth > MAX_DEPTH {
            return too_deep();
        }
        if size > MAX_UNFOLDED {
            return excess(format!("unfolds to more than {MAX_UNFOLDED} values"));
        }
        known[id.index()] = (depth, size);
    }
    Ok(())
}
