/** The snapshots of a run, newest first, each with its way into the explorer. */

import { h } from "../dom.js";
import { kimg } from "./format.js";

/** @param {import("./types.js").RunInfo} info */
export function snapshotList({ snapshots, next_snapshot_kimg: next, state }) {
  const isRunning = state === "training" || state === "paused";
  const items = [...snapshots].reverse().map(({ kimg: at, model }, index) =>
    h(
      "li",
      null,
      h("a", { class: "snapshot-link number", href: `#/explore?model=${model}`, "aria-label": `Explore the snapshot at ${kimg(at)}` }, kimg(at)),
      index === 0 ? h("span", { class: "small muted" }, "newest") : null,
    ),
  );
  if (isRunning && next !== null) items.unshift(h("li", { class: "muted number" }, kimg(next), h("span", { class: "small" }, "next")));
  if (items.length === 0) return h("p", { class: "muted" }, "No snapshot yet");
  return h("ul", { class: "snapshot-list", "aria-label": "Snapshots" }, items);
}
