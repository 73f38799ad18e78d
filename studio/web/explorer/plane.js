// The plane of seeds: lattice point (i, j) is seed i + 100 * j, and between four of them their latents are blended in w.

/** Seeds in a row of the lattice. */
export const ROW = 100;
const MOST_SEED = 2 ** 32 - 1;
const MOST_Y = Math.floor(MOST_SEED / ROW) - 2;

/**
 * @param {number} i
 * @param {number} j
 */
export const seedAt = (i, j) => i + ROW * j;

/**
 * @param {number} seed
 * @returns {{x: number, y: number}}
 */
export function placeOf(seed) {
  const whole = Math.min(Math.max(0, Math.round(seed)), MOST_SEED);
  return { x: whole % ROW, y: Math.floor(whole / ROW) };
}

/**
 * A place that has seeds on all sides, with as many decimals as are kept.
 *
 * @param {number} x
 * @param {number} y
 */
export function legalPlace(x, y) {
  const round = (/** @type {number} */ value) => Math.round(value * 1e4) / 1e4;
  return { x: round(Math.min(Math.max(0, x), 1e6)), y: round(Math.min(Math.max(0, y), MOST_Y)) };
}

/**
 * @param {number} x
 * @param {number} y
 */
export const snapped = (x, y) => legalPlace(Math.round(x), Math.round(y));

/**
 * Which seeds a place blends, and by how much; the shares sum to 1.
 *
 * @param {number} x
 * @param {number} y
 * @returns {Map<string, number>}
 */
export function sharesAt(x, y) {
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - i, y - j];
  const corners = /** @type {[number, number][]} */ ([
    [seedAt(i, j), (1 - right) * (1 - down)],
    [seedAt(i + 1, j), right * (1 - down)],
    [seedAt(i, j + 1), (1 - right) * down],
    [seedAt(i + 1, j + 1), right * down],
  ]);
  return new Map(corners.filter(([, share]) => share > 1e-6).map(([seed, share]) => [String(seed), share]));
}

/**
 * `12:0.25,13:0.75`
 *
 * @param {Map<string, number>} shares
 */
export function writeBlend(shares) {
  const parts = [...shares].filter(([, share]) => Math.abs(share) > 1e-6);
  return parts.map(([id, share]) => `${id}:${Number(share.toFixed(6))}`).join(",");
}

/**
 * @param {string} blend
 * @returns {Map<string, number>}
 */
export function readBlend(blend) {
  /** @type {Map<string, number>} */
  const shares = new Map();
  for (const part of blend.split(",")) {
    const [id = "", share = "1"] = part.trim().split(":");
    if (id) shares.set(id, (shares.get(id) ?? 0) + Number(share));
  }
  return shares;
}

/**
 * The mean of two blends by weights.
 *
 * @param {Map<string, number>} a
 * @param {Map<string, number>} b
 * @param {number} share of `b`
 */
export function joinBlends(a, b, share) {
  /** @type {Map<string, number>} */
  const joined = new Map();
  for (const [id, part] of a) joined.set(id, part * (1 - share));
  for (const [id, part] of b) joined.set(id, (joined.get(id) ?? 0) + part * share);
  return joined;
}

/**
 * The place in the plane that blends so; null if none does.
 *
 * @param {Map<string, number>} shares
 * @returns {{x: number, y: number} | null}
 */
export function placeOfBlend(shares) {
  const parts = [...shares].filter(([, share]) => share > 1e-6);
  if (parts.length === 0 || parts.length > 4 || parts.some(([id]) => !/^\d+$/.test(id))) return null;
  const corner = Math.min(...parts.map(([id]) => Number(id)));
  // The corner with the smallest seed need not be among them: three of four never happens, two diagonal ones neither.
  const origin = placeOf(corner);
  let [x, y] = [origin.x, origin.y];
  for (const [id, share] of parts) {
    const offset = Number(id) - corner;
    if (offset === 1 || offset === ROW + 1) x += share;
    if (offset === ROW || offset === ROW + 1) y += share;
    if (![0, 1, ROW, ROW + 1].includes(offset)) return null;
  }
  const again = sharesAt(x, y);
  const same = parts.every(([id, share]) => Math.abs((again.get(id) ?? 0) - share) < 1e-3);
  return same ? legalPlace(x, y) : null;
}
