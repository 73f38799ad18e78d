/**
 * The first index at which ascending `xs` is at least `x`.
 *
 * @param {ArrayLike<number>} xs
 * @param {number} x
 */
export function lowerBound(xs, x) {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The index whose x is nearest to `x`, -1 if there is none.
 *
 * @param {ArrayLike<number>} xs ascending
 * @param {number} x
 */
export function nearest(xs, x) {
  if (xs.length === 0) return -1;
  const after = Math.min(lowerBound(xs, x), xs.length - 1);
  return after > 0 && x - xs[after - 1] <= xs[after] - x ? after - 1 : after;
}

/**
 * What can be seen of a curve: of each column of pixels the least and the most, in their order; a column without any
 * value is a gap. One point more is kept on each side, for lines that leave the window.
 *
 * @param {ArrayLike<number>} xs ascending
 * @param {ArrayLike<number>} ys NaN in gaps
 * @param {number} from
 * @param {number} to
 * @param {number} columns
 * @returns {{xs: number[], ys: (number | null)[]}}
 */
export function decimate(xs, ys, from, to, columns) {
  const first = Math.max(0, lowerBound(xs, from) - 1);
  const end = Math.min(xs.length, lowerBound(xs, to) + 2);
  /** @type {{xs: number[], ys: (number | null)[]}} */
  const seen = { xs: [], ys: [] };
  /** @param {number} index */
  const keep = (index) => {
    // Of rows at the same place the last one counts.
    if (seen.xs.length > 0 && seen.xs[seen.xs.length - 1] >= xs[index]) return;
    seen.xs.push(xs[index]);
    seen.ys.push(Number.isFinite(ys[index]) ? ys[index] : null);
  };
  if (end - first <= 2 * columns || !(to > from)) {
    for (let index = first; index < end; index++) keep(index);
    return seen;
  }
  const width = (to - from) / columns;
  for (let start = first; start < end; ) {
    const edge = from + (Math.floor((xs[start] - from) / width) + 1) * width;
    let least = -1;
    let most = -1;
    let index = start;
    do {
      const y = ys[index];
      if (y === y) {
        if (least === -1 || y < ys[least]) least = index;
        if (most === -1 || y > ys[most]) most = index;
      }
      index += 1;
    } while (index < end && xs[index] < edge);
    if (least === -1) keep(start);
    else {
      keep(Math.min(least, most));
      if (least !== most) keep(Math.max(least, most));
    }
    start = index;
  }
  return seen;
}
