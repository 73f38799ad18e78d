import { STANDARD, USUAL_CUTOFF } from "./controls.js";
import { readList, writeList } from "./lists.js";
import { joinBlends, placeOfBlend, readBlend, sharesAt, writeBlend } from "./plane.js";

/**
 * @typedef {import("./controls.js").Controls} Controls
 * @typedef {import("../types.js").Draw} Draw
 * @typedef {import("../types.js").Model} Model
 */

/**
 * What the controls ask of the server.
 *
 * @param {Controls} controls
 * @param {Model} model leaves out what this network cannot have
 * @returns {Draw}
 */
export function toDraw(controls, model) {
  const plane = sharesAt(controls.x, controls.y);
  const blend = controls.base ? joinBlends(readBlend(controls.base), plane, controls.share) : plane;
  const layers = controls.mixLayers.filter((layer) => layer < model.num_layers);
  const moves = Object.entries(controls.moves)
    .filter(([, strength]) => strength !== 0)
    .map(([row, strength]) => ({ row: Number(row), strength }));
  const label = model.label_dim > 0 ? controls.label : null;
  return {
    blend: writeBlend(blend),
    latents: controls.base.includes("@") ? controls.latents : null,
    styles: layers.length && model.styles ? { latent: String(controls.mixSeed), layers: writeList(layers) } : null,
    moves,
    directions: moves.length ? controls.directions : null,
    class: label === null && controls.class !== null && controls.class < Math.max(model.label_dim, model.classes.length) ? controls.class : null,
    label,
    truncation_psi: controls.psi,
    truncation_cutoff: controls.cutoff,
    noise_mode: controls.noise,
    noise_seed: controls.noiseSeed,
  };
}

/**
 * A blend as a place in the plane, as latents that are not in it, or as both with a share.
 *
 * @param {Map<string, number>} shares
 * @returns {Partial<Controls>}
 */
function latentsOf(shares) {
  const place = placeOfBlend(shares);
  if (place || shares.size === 0) return { ...place, base: "", share: 0 };
  const rows = [...shares].filter(([id]) => id.startsWith("@"));
  const seeds = [...shares].filter(([id]) => !id.startsWith("@"));
  const share = seeds.reduce((sum, [, part]) => sum + part, 0);
  const scaled = (/** @type {[string, number][]} */ parts, /** @type {number} */ by) => new Map(parts.map(([id, part]) => [id, part / by]));
  const beside = share > 0 && share < 1 ? placeOfBlend(scaled(seeds, share)) : null;
  if (rows.length && beside) return { ...beside, base: writeBlend(scaled(rows, 1 - share)), share: Math.round(share * 1e4) / 1e4 };
  return { base: writeBlend(shares), share: 0 };
}

/**
 * The controls that a recipe asks for.
 *
 * @param {Draw} draw
 * @returns {Partial<Controls>}
 */
export function fromDraw(draw) {
  return {
    ...latentsOf(readBlend(draw.blend ?? "")),
    latents: draw.latents ?? null,
    psi: draw.truncation_psi,
    cutoff: draw.truncation_cutoff === USUAL_CUTOFF ? null : draw.truncation_cutoff ?? null,
    noise: draw.noise_mode,
    noiseSeed: draw.noise_seed,
    mixSeed: draw.styles && /^\d+$/.test(draw.styles.latent) ? Number(draw.styles.latent) : STANDARD.mixSeed,
    mixLayers: draw.styles ? readList(draw.styles.layers) ?? [] : [],
    directions: draw.directions ?? "sefa",
    moves: Object.fromEntries((draw.moves ?? []).map(({ row, strength }) => [row, strength])),
    class: draw.class ?? null,
    label: draw.label ?? null,
  };
}
