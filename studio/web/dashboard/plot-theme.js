/** Colors of plots, from the style sheet; a canvas cannot take them from there by itself. */

import { resolveColor } from "../dom.js";

/**
 * @typedef {object} PlotTheme
 * @property {string} text
 * @property {string} grid
 * @property {string} band behind every other level
 * @property {string} fade behind the part of a level in which it fades in
 * @property {string} mark of a place where the run was taken back
 * @property {string} family of the font
 * @property {(role: string) => string} color of a role: a place among runs (`run-0`, …), `reals`, `fakes`, `first`, …
 */

const ROLES = ["first", "second", "third", "fourth"];
export const RUN_COLORS = 8;

/** @returns {PlotTheme} */
export function plotTheme() {
  return {
    text: resolveColor("--text-2"),
    grid: resolveColor("--plot-grid"),
    band: resolveColor("--plot-band"),
    fade: resolveColor("--plot-fade"),
    mark: resolveColor("--warning"),
    family: getComputedStyle(document.body).fontFamily,
    color: (role) => resolveColor(colorVariable(role)),
  };
}

/**
 * The name of the variable that a role's color stands in.
 *
 * @param {string} role
 */
export function colorVariable(role) {
  if (role === "reals") return "--series-2";
  if (role === "fakes") return "--series-1";
  if (role.startsWith("run-")) return `--series-${(Number(role.slice(4)) % RUN_COLORS) + 1}`;
  return `--series-${ROLES.indexOf(role) + 1}`;
}
