import { seedAt } from "./plane.js";

/** @typedef {import("./controls.js").Controls} Controls */

/**
 * What is shown, in few words: `seed 12`, `place 12.25, 3.50`.
 *
 * @param {Controls} controls
 */
export function latentName(controls) {
  const { x, y, base, share } = controls;
  const whole = Number.isInteger(x) && Number.isInteger(y);
  const place = whole ? `seed ${seedAt(x, y)}` : `place ${x.toFixed(2)}, ${y.toFixed(2)}`;
  if (!base) return place;
  return share > 0 ? `loaded latents with ${Math.round(share * 100)} % of ${place}` : "loaded latents";
}

/**
 * All that matters, as a sentence.
 *
 * @param {Controls} controls
 */
export function describe(controls) {
  const parts = [latentName(controls), `psi ${controls.psi.toFixed(2)}`];
  if (controls.mixLayers.length) parts.push(`${controls.mixLayers.length} layers of seed ${controls.mixSeed}`);
  if (controls.noise !== "const") parts.push(controls.noise === "none" ? "no noise" : `noise ${controls.noiseSeed}`);
  if (controls.class !== null) parts.push(`class ${controls.class}`);
  const text = parts.join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * @param {Controls} controls
 * @param {import("../types.js").Model | null} model
 */
export function fileName(controls, model) {
  const network = (model?.name ?? "picture").replace(/\.[a-z0-9]+$/i, "").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  const latent = latentName(controls).replace(/[^a-z0-9.]+/gi, "-");
  return `${network}-${latent}-psi${controls.psi}.png`;
}
