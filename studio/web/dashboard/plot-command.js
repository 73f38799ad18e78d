/** The command that draws what the page shows. */

import { panelsOf } from "./groups.js";

/** @param {import("./run-data.js").RunData[]} runs @param {import("./view.js").View} view @param {string[]} chosen */
export function plotCommand(runs, view, chosen) {
  const words = ["stylegan plot", ...runs.map((run) => run.info?.argument ?? shellQuoted(run.name))];
  const order = panelsOf(chosen).flatMap((panel) => panel.values.map(({ name }) => name));
  if (order.length > 0) words.push(`--values ${order.map(shellQuoted).join(",")}`);
  if (view.axis === "time") words.push("--over seconds");
  if (view.log) words.push("--log");
  if (view.smoothing > 0) words.push(`--smooth ${windowOf(view.smoothing)}`);
  words.push("--out curves.png");
  return words.join(" ");
}

/** As many ticks as an exponential mean of that weight looks at, for the median that the command draws. @param {number} weight */
function windowOf(weight) {
  return Math.min(1001, 2 * Math.round(weight / (1 - weight)) + 1);
}

/** @param {string} text */
export function shellQuoted(text) {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
