/** A plot with its title, the values under the cursor, and all of it as a table for those who ask. */

import { h } from "../dom.js";
import { nearest } from "./decimate.js";
import { duration, kimg as kimgText } from "./format.js";
import { Plot } from "./plot.js";
import { colorVariable } from "./plot-theme.js";
import { divisorOf, unitOf, valueOf } from "./units.js";

/**
 * @typedef {object} Entry a curve of a panel
 * @property {string} name of the number
 * @property {string} called
 * @property {string} role
 * @property {import("./run-data.js").Curve} curve
 * @property {ArrayLike<number>} xs on the x axis
 * @property {(() => ArrayLike<number>) | null} smoothed worked out when it is seen
 * @property {boolean} isSparse few points, each of which is marked
 *
 * @typedef {object} PanelScene
 * @property {string} title
 * @property {string} note
 * @property {Entry[]} entries
 * @property {boolean} isCompact whether the names of the curves stand elsewhere
 * @property {import("./plot.js").Scene} plot without lines
 */

const TABLE_ROWS = 12;
/** With more rows than these, single points are not marked. */
const DOTS = 12;

export class PlotPanel {
  /** @param {import("./plot.js").Listeners} listeners */
  constructor(listeners) {
    this.#listeners = listeners;
    this.#place.addEventListener("keydown", this.#onKey);
    this.#place.addEventListener("blur", () => this.#listeners.hover(null));
    this.#tableButton.addEventListener("click", () => this.#toggleTable());
    this.element.append(
      h("div", { class: "panel-head" }, this.#title, this.#tableButton),
      this.#legend,
      this.#place,
      this.#table,
    );
    this.#visibility.observe(this.element);
    this.#sizes.observe(this.#place);
  }

  element = h("section", { class: "plot-panel" });

  #listeners;
  #title = h("h3", { class: "panel-title" });
  #tableButton = h("button", { class: "quiet tiny", type: "button", "aria-pressed": "false" }, "Table");
  #legend = h("div", { class: "panel-legend" });
  #pointedPlace = h("span", { class: "legend-place muted" });
  #place = h("div", { class: "plot-place", role: "slider", tabindex: "0" });
  #table = h("div", { class: "panel-table", hidden: true });
  /** @type {Plot | null} */
  #plot = null;
  /** @type {PanelScene | null} */
  #scene = null;
  #isSeen = false;
  #isStale = true;
  /** @type {number | null} */
  #pointed = null;
  /** @type {number | null} */
  #pinned = null;
  /** @type {HTMLElement[]} */
  #legendValues = [];

  // What is out of sight is drawn when it comes into it.
  #visibility = new IntersectionObserver(
    ([entry]) => {
      this.#isSeen = entry.isIntersecting;
      if (this.#isSeen && this.#isStale) this.#draw();
    },
    { rootMargin: "200px" },
  );
  #sizes = new ResizeObserver(() => this.#plot?.resize());

  destroy() {
    this.#visibility.disconnect();
    this.#sizes.disconnect();
    this.#plot?.destroy();
    this.element.remove();
  }

  /** @param {PanelScene} scene */
  show(scene) {
    this.#scene = scene;
    const unit = [...new Set(scene.entries.map(({ name }) => unitOf(name)))].filter((unit) => unit !== "").join(", ");
    this.#title.replaceChildren(
      scene.title,
      ...(unit === "" ? [] : [h("span", { class: "panel-unit" }, unit)]),
      ...(scene.note === "" ? [] : [h("span", { class: "panel-note" }, scene.note)]),
    );
    this.#tableButton.setAttribute("aria-label", `Table of ${scene.title}`);
    this.#buildLegend();
    this.#isStale = true;
    if (this.#isSeen) this.#draw();
    else this.#tell();
    if (!this.#table.hidden) this.#fillTable();
  }

  /** @param {number | null} x */
  point(x) {
    this.#pointed = x;
    this.#plot?.point(x);
    if (this.#isSeen) this.#tell();
  }

  /** @param {number | null} x */
  pin(x) {
    this.#pinned = x;
    this.#plot?.pin(x);
  }

  #draw() {
    const scene = this.#scene;
    if (scene === null || this.#place.clientWidth === 0) return;
    const plotScene = { ...scene.plot, lines: scene.entries.flatMap(linesOf) };
    if (this.#plot === null) this.#plot = new Plot(this.#place, plotScene, this.#listeners);
    else this.#plot.show(plotScene);
    this.#isStale = false;
    this.#plot.pin(this.#pinned);
    this.#plot.point(this.#pointed);
    this.#tell();
  }

  #buildLegend() {
    this.#legendValues = [];
    const entries = this.#scene?.entries ?? [];
    this.#legend.replaceChildren(
      ...entries.map((entry) => {
        const swatch = h("span", { class: "swatch" });
        swatch.style.background = `var(${colorVariable(entry.role)})`;
        const value = h("span", { class: "legend-value" });
        this.#legendValues.push(value);
        return h("span", { class: "legend-entry", title: entry.called }, swatch, h("span", { class: this.#scene?.isCompact ? "visually-hidden" : "legend-name" }, entry.called), value);
      }),
      this.#pointedPlace,
    );
  }

  /** Writes the values under the cursor, or the newest. */
  #tell() {
    const scene = this.#scene;
    if (scene === null) return;
    const texts = scene.entries.map((entry) => {
      const row = this.#pointed === null ? lastRow(entry) : nearest(entry.xs, this.#pointed);
      // Out of sight the raw value will do: smoothing a long curve takes its time.
      const ys = (this.#isSeen ? entry.smoothed?.() : null) ?? entry.curve.ys;
      return row === -1 ? "–" : valueOf(entry.name, ys[row]);
    });
    texts.forEach((text, index) => (this.#legendValues[index].textContent = text));
    const { axis, window } = scene.plot;
    const now = this.#pointed ?? window[1];
    const place = axis === "time" ? duration(now) : kimgText(now);
    const when = this.#pointed === null ? "newest" : `at ${place}`;
    this.#pointedPlace.textContent = this.#pointed === null ? "" : place;
    this.#set("aria-label", `${scene.title} over ${axis === "time" ? "time" : "kimg"}`);
    this.#set("aria-valuemin", window[0].toPrecision(6));
    this.#set("aria-valuemax", window[1].toPrecision(6));
    this.#set("aria-valuenow", Math.min(Math.max(now, window[0]), window[1]).toPrecision(6));
    this.#set("aria-valuetext", `${when}: ${scene.entries.map(({ called }, index) => `${called} ${texts[index]}`).join(", ")}`);
  }

  /** @param {string} name @param {string} value */
  #set(name, value) {
    this.#place.setAttribute(name, value);
  }

  #toggleTable() {
    this.#table.hidden = !this.#table.hidden;
    this.#tableButton.setAttribute("aria-pressed", String(!this.#table.hidden));
    if (!this.#table.hidden) this.#fillTable();
  }

  #fillTable() {
    const scene = this.#scene;
    if (scene === null) return;
    const { axis, window } = scene.plot;
    const longest = scene.entries.reduce((one, other) => (other.xs.length > one.xs.length ? other : one), scene.entries[0]);
    const rows = [];
    for (let row = 0; row < longest.xs.length; row++) {
      if (longest.xs[row] >= window[0] && longest.xs[row] <= window[1]) rows.push(row);
    }
    const step = Math.max(1, (rows.length - 1) / (TABLE_ROWS - 1));
    const places = [];
    for (let at = rows.length - 1; at > -0.5; at -= step) places.push(longest.xs[rows[Math.round(at)]]);
    const head = h(
      "tr",
      null,
      h("th", { scope: "col" }, axis === "time" ? "Time" : "kimg"),
      ...scene.entries.map(({ called }) => h("th", { scope: "col" }, called)),
    );
    const body = places.map((x) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, axis === "time" ? duration(x) : kimgText(x).replace(" kimg", "")),
        ...scene.entries.map((entry) => {
          const row = nearest(entry.xs, x);
          return h("td", null, row === -1 || x > entry.xs[entry.xs.length - 1] ? "–" : valueOf(entry.name, entry.curve.ys[row]));
        }),
      ),
    );
    this.#table.replaceChildren(
      h(
        "table",
        null,
        h("caption", null, rows.length > places.length ? `${places.length} of ${rows.length} ticks, as logged` : "Every tick, as logged"),
        h("thead", null, head),
        h("tbody", null, ...body),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const scene = this.#scene;
    const xs = scene?.entries[0]?.xs;
    if (scene === null || xs === undefined || xs.length === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const [from, to] = scene.plot.window;
    const { key } = event;
    if (key === "Escape" || key === "0") {
      if (key === "Escape" && this.#pointed !== null) this.#listeners.hover(null);
      else this.#listeners.zoom(null);
    } else if (key === "+" || key === "=" || key === "-") {
      const middle = this.#pointed ?? (from + to) / 2;
      const factor = key === "-" ? 2 : 0.5;
      this.#listeners.zoom([middle - (middle - from) * factor, middle + (to - middle) * factor]);
    } else if (key === "Enter" || key === " ") {
      if (this.#pointed !== null) this.#listeners.pick(this.#pointed);
    } else {
      const row = this.#pointed === null ? xs.length - 1 : nearest(xs, this.#pointed);
      // A step is one row, or what can be seen of more of them.
      const step = Math.max(1, Math.round(xs.length / 200));
      /** @type {Record<string, number>} */
      const rows = {
        ArrowLeft: row - (this.#pointed === null ? 0 : step),
        ArrowRight: row + step,
        ArrowDown: row - step,
        ArrowUp: row + step,
        PageDown: row - 10 * step,
        PageUp: row + 10 * step,
        Home: 0,
        End: xs.length - 1,
      };
      if (!(key in rows)) return;
      this.#listeners.hover(xs[Math.min(Math.max(rows[key], 0), xs.length - 1)]);
    }
    event.preventDefault();
  };
}

/** @param {Entry} entry @returns {import("./plot.js").Line[]} */
function linesOf(entry) {
  const { xs, role, isSparse } = entry;
  const divisor = divisorOf(entry.name);
  const ys = divided(entry.curve.ys, divisor);
  const smoothed = entry.smoothed === null ? null : divided(entry.smoothed(), divisor);
  const dots = isSparse || xs.length <= DOTS;
  if (smoothed === null) return [{ xs, ys, role, faint: false, dots }];
  return [
    { xs, ys, role, faint: true, dots: false },
    { xs, ys: smoothed, role, faint: false, dots },
  ];
}

/** @param {ArrayLike<number>} ys @param {number} divisor */
function divided(ys, divisor) {
  return divisor === 1 ? ys : Float64Array.from(ys, (y) => y / divisor);
}

/** The last row with a value. @param {Entry} entry */
function lastRow({ curve }) {
  let row = curve.ys.length - 1;
  while (row > 0 && !Number.isFinite(curve.ys[row])) row -= 1;
  return row;
}
