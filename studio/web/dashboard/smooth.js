/**
 * The exponential mean of a curve, corrected for its start at zero (as Adam's moments are), so that it follows the first
 * points. Gaps stay gaps and do not count.
 *
 * @param {ArrayLike<number>} values NaN where there is none
 * @param {number} weight of what came before, 0 (the curve itself) to below 1
 * @returns {Float64Array}
 */
export function smooth(values, weight) {
  const smoothed = new Float64Array(values.length);
  let sum = 0;
  let mass = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (!Number.isFinite(value)) {
      smoothed[index] = NaN;
      continue;
    }
    sum = weight * sum + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    smoothed[index] = sum / mass;
  }
  return smoothed;
}
