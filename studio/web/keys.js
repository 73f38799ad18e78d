import { keep, kept } from "./settings.js";

/** @typedef {[keys: string, does: string]} KeyRow */

/** @type {Map<string, KeyRow[]>} */
const groups = new Map();

/**
 * Adds rows to the keyboard map that `?` shows; returns what takes them out.
 *
 * @param {string} group
 * @param {KeyRow[]} rows keys separated by spaces are alternatives; `Ctrl+Z` is pressed together
 */
export function registerKeys(group, rows) {
  groups.set(group, rows);
  return () => groups.delete(group);
}

/** @returns {[string, KeyRow[]][]} */
export const keyGroups = () => [...groups];

/** Single keys get in the way of speech control, so they can be turned off. */
export const keysAreOn = () => kept("keys") !== "off";

/** @param {boolean} on */
export const turnKeys = (on) => keep("keys", on ? null : "off");
