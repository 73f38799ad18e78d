/** How far a run is: a bar over its levels, with pins for snapshots. */

import { fill, h } from "../dom.js";
import { kimg, percent } from "./format.js";

/** @typedef {import("./types.js").RunInfo} RunInfo */

export function progressBar() {
  const levels = h("div", { class: "progress-levels", "aria-hidden": "true" });
  const done = h("div", { class: "progress-done" });
  const pins = h("div", { class: "progress-pins", "aria-hidden": "true" });
  const track = h("div", { class: "progress-track", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0" }, levels, done);
  const element = h("div", { class: "progress-bar" }, pins, track);
  let built = "";

  /** @param {RunInfo} info @param {number} end */
  function build(info, end) {
    const share = (/** @type {number} */ at) => `${(100 * Math.min(Math.max(at, 0), end)) / end}%`;
    fill(
      levels,
      info.levels
        .filter((level) => level.from_kimg < end)
        .map((level, index) => {
          const to = Math.min(level.to_kimg, end);
          const width = to - level.from_kimg;
          const band = h("div", { class: index % 2 === 1 ? "progress-level is-odd" : "progress-level" });
          band.style.left = share(level.from_kimg);
          band.style.width = share(width);
          band.title = `${level.resolution}: ${kimg(level.from_kimg)} to ${kimg(to)}`;
          const fade = level.fade_until_kimg - level.from_kimg;
          if (fade > 0) {
            band.title += `, fades in until ${kimg(level.fade_until_kimg)}`;
            const part = h("div", { class: "progress-fade" });
            part.style.width = `${Math.min(100, (100 * fade) / width)}%`;
            band.append(part);
          }
          if (width / end > 0.045) band.append(h("span", { class: width / end > 0.16 ? "" : "is-tight" }, level.resolution));
          return band;
        }),
    );
    const past = info.snapshots.map((snapshot) => {
      // The list of snapshots is what the keyboard reaches.
      const pin = h("a", { class: "pin", href: `#/explore?model=${snapshot.model}`, tabindex: "-1", title: `Snapshot at ${kimg(snapshot.kimg)}: open in the explorer` });
      pin.style.left = share(snapshot.kimg);
      return pin;
    });
    const next = info.next_snapshot_kimg;
    if (next !== null && next <= end && info.state !== "finished" && info.state !== "stopped") {
      const pin = h("span", { class: "pin is-next", title: `Next snapshot at ${kimg(next)}` });
      pin.style.left = share(next);
      past.push(/** @type {any} */ (pin));
    }
    fill(pins, past);
  }

  return {
    element,
    /** @param {RunInfo} info @param {number} now in kimg */
    update(info, now) {
      const lastLevel = info.levels.at(-1);
      const end = info.total_kimg ?? lastLevel?.to_kimg ?? now;
      if (!(end > 0)) {
        element.hidden = true;
        return;
      }
      element.hidden = false;
      const shape = JSON.stringify([end, info.levels, info.snapshots, info.next_snapshot_kimg, info.state]);
      if (shape !== built) {
        built = shape;
        build(info, end);
      }
      const share = Math.min(1, now / end);
      done.style.width = `${100 * share}%`;
      track.setAttribute("aria-valuemax", String(end));
      track.setAttribute("aria-valuenow", String(Math.min(now, end)));
      track.setAttribute("aria-valuetext", `${kimg(now)} of ${kimg(end)}, ${percent(share)}`);
    },
  };
}
