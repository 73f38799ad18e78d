/**
 * All that the controls of the Explorer say; what is undone, kept in the URL and recalled from a picture.
 *
 * @typedef {object} Controls
 * @property {number | null} model
 * @property {number} x place in the plane of seeds
 * @property {number} y
 * @property {string} base a blend that is drawn instead of the plane's, such as `@0:1`; "" for none
 * @property {import("../types.js").LatentsId | null} latents where ids with `@` are from
 * @property {number} share of the plane in a picture with a base, 0..1
 * @property {number} psi
 * @property {number | null} cutoff null is the usual one
 * @property {"const" | "random" | "none"} noise
 * @property {number} noiseSeed
 * @property {number} mixSeed
 * @property {number[]} mixLayers
 * @property {import("../types.js").LatentsId} directions
 * @property {Record<number, number>} moves strength by row
 * @property {number | null} class
 * @property {string | null} label
 * @property {Tab} tab
 * @property {string} gridSeeds
 * @property {number} gridColumns
 * @property {string} mixRows
 * @property {string} mixCols
 * @property {string} mixStyles layers of the matrix, "" for the coarse ones
 * @property {number} layer shown in the tab Layers
 */

/** @typedef {"picture" | "grid" | "mix" | "layers" | "photo"} Tab */

/** How many layers are truncated if nothing else is said, by the network neither. */
export const USUAL_CUTOFF = 8;

/** @type {Readonly<Controls>} */
export const STANDARD = Object.freeze({
  model: null,
  x: 0,
  y: 0,
  base: "",
  latents: null,
  share: 0,
  psi: 0.7,
  cutoff: null,
  noise: "const",
  noiseSeed: 0,
  mixSeed: 1,
  mixLayers: [],
  directions: "sefa",
  moves: {},
  class: null,
  label: null,
  tab: "picture",
  gridSeeds: "0-15",
  gridColumns: 4,
  mixRows: "0-3",
  mixCols: "4-8",
  mixStyles: "",
  layer: 0,
});

/** What decides the picture of a network. */
export const LOOK_KEYS = /** @type {const} */ (["x", "y", "base", "latents", "share", "psi", "cutoff", "noise", "noiseSeed", "mixSeed", "mixLayers", "directions", "moves", "class", "label"]);

/**
 * @param {Controls} a
 * @param {Controls} b
 */
export function sameLook(a, b) {
  return a.model === b.model && LOOK_KEYS.every((key) => sameValue(a[key], b[key]));
}

/**
 * @param {Controls} a
 * @param {Controls} b
 */
export function sameControls(a, b) {
  return /** @type {(keyof Controls)[]} */ (Object.keys(STANDARD)).every((key) => sameValue(a[key], b[key]));
}

/**
 * @param {unknown} a
 * @param {unknown} b
 */
export function sameValue(a, b) {
  return a === b || (typeof a === "object" && typeof b === "object" && JSON.stringify(a) === JSON.stringify(b));
}
