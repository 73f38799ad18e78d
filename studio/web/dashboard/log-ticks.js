/**
 * Places of ticks on a logarithmic axis: powers of ten, with 2 and 5 between them where there is room; round steps where
 * the axis spans less than that.
 *
 * @param {number} least above 0
 * @param {number} most
 * @param {number} room how many fit
 * @returns {number[]}
 */
export function logTicks(least, most, room) {
  const first = Math.floor(Math.log10(least));
  const last = Math.ceil(Math.log10(most));
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = first; power <= last; power++) for (const factor of factors) ticks.push(factor * 10 ** power);
    const inside = ticks.filter((tick) => tick >= least && tick <= most);
    if (factors.length === 3 && inside.length < 3) return roundSteps(least, most, room);
    if (inside.length <= room) return inside;
  }
  const every = Math.ceil((last - first) / room);
  const ticks = [];
  for (let power = first; power <= last; power += every) ticks.push(10 ** power);
  return ticks.filter((tick) => tick >= least && tick <= most);
}

/** @param {number} least @param {number} most @param {number} room */
function roundSteps(least, most, room) {
  const rough = (most - least) / Math.max(1, Math.min(room, 5));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const ticks = [];
  for (let tick = Math.ceil(least / step); tick * step <= most && ticks.length < 50; tick++) ticks.push(tick * step);
  return ticks;
}
