/** What unit a number of `stats.jsonl` has, which its name tells, and how it is written. */

import { bytes, count, duration, number } from "./format.js";

const WHOLE = new Set(["tick", "step", "batch", "rollbacks", "skipped_updates"]);
const GIB = 2 ** 30;

/**
 * The unit that an axis shows, empty where the number has none.
 *
 * @param {string} name
 */
export function unitOf(name) {
  if (name.endsWith("_bytes")) return "GiB";
  if (name === "images_per_sec") return "images/s";
  if (name.startsWith("sec_per_")) return `s/${name.slice("sec_per_".length)}`;
  if (name.endsWith("_sec")) return "s";
  if (name === "batch") return "images";
  if (name === "step") return "steps";
  if (name === "skipped_updates") return "updates";
  return "";
}

/**
 * What a value is divided by to be in that unit.
 *
 * @param {string} name
 */
export function divisorOf(name) {
  return name.endsWith("_bytes") ? GIB : 1;
}

/**
 * A value with its unit.
 *
 * @param {string} name
 * @param {number | null | undefined} value as it stands in `stats.jsonl`
 */
export function valueOf(name, value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (name.endsWith("_bytes")) return bytes(value);
  if (name === "images_per_sec") return `${number(value)} images/s`;
  if (name.endsWith("_sec") && (value >= 60 || (value > 0 && value < 0.0995))) return duration(value);
  const unit = unitOf(name);
  const text = WHOLE.has(name) ? count(value) : number(unit === "s" ? Number(value.toPrecision(3)) : value);
  return unit === "" ? text : `${text} ${unit}`;
}
