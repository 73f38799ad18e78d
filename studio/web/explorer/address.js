import { STANDARD } from "./controls.js";
import { readList, writeList } from "./lists.js";
import { legalPlace } from "./plane.js";

/** @typedef {import("./controls.js").Controls} Controls */

/**
 * The controls as the query of the fragment: only what differs from the standard.
 *
 * @param {Controls} controls
 * @param {(keyof Controls)[]} [without]
 */
export function writeAddress(controls, without = []) {
  const query = new URLSearchParams();
  for (const key of /** @type {(keyof Controls)[]} */ (Object.keys(STANDARD))) {
    if (without.includes(key)) continue;
    const text = write(key, controls);
    if (text !== write(key, STANDARD)) query.set(key, text);
  }
  // Commas and colons are legal in a fragment and easier to read.
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%40", "@");
}

/**
 * @param {keyof Controls} key
 * @param {Readonly<Controls>} controls
 */
function write(key, controls) {
  if (key === "mixLayers") return writeList(controls.mixLayers);
  if (key === "moves") {
    return Object.entries(controls.moves).filter(([, strength]) => strength !== 0).map(([row, strength]) => `${row}:${strength}`).join(",");
  }
  const value = controls[key];
  return value === null ? "" : String(value);
}

/**
 * The controls that a query asks for; what cannot be read is left out.
 *
 * @param {URLSearchParams} query
 * @returns {Partial<Controls>}
 */
export function readAddress(query) {
  /** @type {Partial<Controls>} */
  const controls = {};
  const number = (/** @type {string} */ key, least = -Infinity, most = Infinity) => {
    const text = query.get(key);
    const value = Number(text);
    return text === null || text === "" || !Number.isFinite(value) ? undefined : Math.min(Math.max(least, value), most);
  };
  const put = (/** @type {keyof Controls} */ key, /** @type {unknown} */ value) => {
    if (value !== undefined && value !== null) Object.assign(controls, { [key]: value });
  };
  const oneOf = (/** @type {string} */ key, /** @type {string[]} */ values) => values.find((value) => value === query.get(key));

  put("model", number("model", 0));
  const place = legalPlace(number("x") ?? 0, number("y") ?? 0);
  put("x", place.x);
  put("y", place.y);
  put("base", query.get("base"));
  put("latents", id(query.get("latents")));
  put("share", number("share", 0, 1));
  put("psi", number("psi", -2, 2));
  put("cutoff", number("cutoff", 0));
  put("noise", oneOf("noise", ["const", "random", "none"]));
  put("noiseSeed", number("noiseSeed", 0));
  put("mixSeed", number("mixSeed", 0));
  put("mixLayers", readList(query.get("mixLayers") ?? "", 64));
  put("directions", id(query.get("directions")));
  put("class", number("class", 0));
  put("label", query.get("label"));
  put("tab", oneOf("tab", ["picture", "grid", "mix", "layers", "photo"]));
  for (const key of /** @type {const} */ (["gridSeeds", "mixRows", "mixCols", "mixStyles"])) put(key, query.get(key));
  put("gridColumns", number("gridColumns", 1, 64));
  put("layer", number("layer", 0));
  const moves = query.get("moves");
  if (moves) {
    controls.moves = Object.fromEntries(moves.split(",").map((part) => part.split(":").map(Number)).filter(([row, strength]) => Number.isFinite(row) && Number.isFinite(strength)));
  }
  return controls;
}

/**
 * Ids of the server are numbers or words.
 *
 * @param {string | null} text
 */
function id(text) {
  return text !== null && /^\d+$/.test(text) ? Number(text) : text;
}
