/** One plot on a canvas: curves over kimg or time, bands of levels behind them, a cursor that all plots share. */

import uPlot from "../vendor/uPlot.esm.js";
import { decimate } from "./decimate.js";
import { duration, number } from "./format.js";
import { drawBands } from "./level-bands.js";
import { logTicks } from "./log-ticks.js";

/**
 * @typedef {object} Line
 * @property {ArrayLike<number>} xs ascending
 * @property {ArrayLike<number>} ys NaN in gaps
 * @property {string} role of its color
 * @property {boolean} faint the raw values behind a smoothed curve
 * @property {boolean} dots whether single points are marked
 */

/**
 * @typedef {object} Scene
 * @property {Line[]} lines
 * @property {import("./level-bands.js").Band[]} bands
 * @property {number[]} marks where the run was taken back
 * @property {[number, number]} window of the x axis
 * @property {boolean} log
 * @property {"kimg" | "time"} axis
 * @property {import("./plot-theme.js").PlotTheme} theme
 */

/**
 * @typedef {object} Listeners
 * @property {(x: number | null) => void} hover
 * @property {(window: [number, number] | null) => void} zoom
 * @property {(x: number) => void} pick
 */

/** Farther than this is a drag, not a click. */
const CLICK_PIXELS = 4;
/** A click waits this long for a second one, which means something else. */
const DOUBLE_CLICK_MS = 220;

export class Plot {
  /** @param {HTMLElement} place @param {Scene} scene @param {Listeners} listeners */
  constructor(place, scene, listeners) {
    this.#place = place;
    this.#scene = scene;
    this.#listeners = listeners;
    this.#pin.className = "plot-pin";
    this.#plot = this.#build();
  }

  #place;
  #scene;
  #listeners;
  #plot;
  #pin = document.createElement("div");
  /** @type {number | null} */
  #pinned = null;
  #isPointing = false;
  #clickTimer = 0;
  /** @type {WeakMap<ArrayLike<number>, {key: string, xs: ArrayLike<number>, seen: ReturnType<typeof decimate>}>} */
  #seen = new WeakMap();
  /** Least and most of what is seen. @type {[number, number]} */
  #extent = [0, 1];

  destroy() {
    clearTimeout(this.#clickTimer);
    this.#plot.destroy();
  }

  /** @param {Scene} scene */
  show(scene) {
    const old = this.#scene;
    this.#scene = scene;
    const look = (/** @type {Scene} */ scene) =>
      JSON.stringify([scene.log, scene.axis, scene.lines.map(({ role, faint, dots }) => [role, faint, dots])]);
    if (look(old) !== look(scene) || old.theme !== scene.theme) {
      this.#plot.destroy();
      this.#plot = this.#build();
    } else {
      this.#plot.batch(() => {
        this.#plot.setData(this.#data(), false);
        this.#plot.setScale("x", { min: scene.window[0], max: scene.window[1] });
      });
    }
    this.#movePin();
  }

  resize() {
    const { width, height } = this.#size();
    if (width === this.#plot.width && height === this.#plot.height) return;
    this.#plot.setSize({ width, height });
    this.show(this.#scene);
  }

  /** Moves the cursor there, without telling anyone. @param {number | null} x */
  point(x) {
    const left = x === null ? -10 : this.#plot.valToPos(x, "x");
    const isInside = left >= 0 && left <= this.#width();
    this.#plot.setCursor({ left: isInside ? left : -10, top: isInside ? 0 : -10 }, false);
  }

  /** Marks where the slider stands. @param {number | null} x */
  pin(x) {
    this.#pinned = x;
    this.#movePin();
  }

  #movePin() {
    const left = this.#pinned === null ? -1 : this.#plot.valToPos(this.#pinned, "x");
    this.#pin.hidden = !(left >= 0 && left <= this.#width());
    this.#pin.style.transform = `translateX(${left}px)`;
  }

  /** Of the part with curves. Asking the page for it would lay it out anew for every plot. */
  #width() {
    return this.#plot.bbox.width / devicePixelRatio;
  }

  #size() {
    return { width: Math.max(this.#place.clientWidth, 120), height: Math.max(this.#place.clientHeight, 80) };
  }

  #data() {
    const { lines, window, log } = this.#scene;
    const columns = Math.max(60, Math.round((this.#place.clientWidth - 60) * devicePixelRatio));
    /** @type {[number, number][]} */
    const extents = [];
    const tables = lines.map((line) => {
      const seen = this.#seenOf(line, window, columns);
      const ys = log ? seen.ys.map((y) => (y !== null && y > 0 ? y : null)) : seen.ys;
      extents.push(extentOf(seen.xs, ys, window, line.faint));
      return /** @type {uPlot.AlignedData} */ ([seen.xs, ys]);
    });
    this.#extent = [Math.min(...extents.map(([least]) => least)), Math.max(...extents.map(([, most]) => most))];
    return tables.length === 0 ? /** @type {uPlot.AlignedData} */ ([[]]) : uPlot.join(tables);
  }

  /** Raw curves are the same while the smoothed ones before them change. @param {Line} line @param {[number, number]} window @param {number} columns */
  #seenOf({ xs, ys }, window, columns) {
    const key = `${xs.length} ${window} ${columns}`;
    const known = this.#seen.get(ys);
    if (known !== undefined && known.key === key && known.xs === xs) return known.seen;
    const seen = decimate(xs, ys, window[0], window[1], columns);
    this.#seen.set(ys, { key, xs, seen });
    return seen;
  }

  #build() {
    const { lines, log, axis, theme } = this.#scene;
    const font = `11px ${theme.family}`;
    const plot = new uPlot(
      {
        ...this.#size(),
        padding: [6, 20, 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: true, y: false, setScale: false },
          points: { size: 7, width: 2, show: (plot, index) => cursorPoint(plot, index, lines[index - 1].faint) },
          bind: { dblclick: () => () => this.#reset() },
        },
        scales: {
          x: { time: false, range: () => this.#scene.window },
          y: { distr: log ? 3 : 1, range: () => this.#range() },
        },
        axes: [
          {
            stroke: theme.text,
            font,
            size: 26,
            gap: 4,
            space: axis === "time" ? 76 : 56,
            grid: { stroke: theme.grid, width: 1 },
            ticks: { show: false },
            values: (_, splits) => splits.map(axis === "time" ? duration : number),
            ...(axis === "time" ? { incrs: TIME_STEPS } : {}),
          },
          {
            stroke: theme.text,
            font,
            size: 52,
            gap: 4,
            space: 32,
            grid: { stroke: theme.grid, width: 1 },
            ticks: { show: false },
            ...(log ? { splits: logSplits, filter: keepAll } : {}),
            values: (_, splits) => splits.map((split) => (split === null ? "" : number(Number(split.toPrecision(10))))),
          },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            stroke: theme.color(line.role),
            width: line.faint ? 1 : 1.5,
            alpha: line.faint ? 0.28 : 1,
            spanGaps: false,
            points: { show: line.dots, size: 5, fill: theme.color(line.role) },
          })),
        ],
        hooks: {
          drawClear: [(plot) => drawBands(plot, this.#scene.bands, this.#scene.marks, theme)],
          setCursor: [(plot) => this.#onCursor(plot)],
          setSelect: [(plot) => this.#onSelect(plot)],
        },
      },
      this.#data(),
      this.#place,
    );
    plot.over.append(this.#pin);
    this.#listen(plot);
    return plot;
  }

  /** @returns {[number, number]} */
  #range() {
    const [least, most] = this.#extent;
    if (!Number.isFinite(least) || !Number.isFinite(most)) {
      return this.#scene.log ? [0.1, 10] : [0, 1];
    }
    if (this.#scene.log) {
      const [low, high] = [Math.log10(least), Math.log10(most)];
      const room = Math.max((high - low) * 0.06, 0.02);
      return [10 ** (low - room), 10 ** (high + room)];
    }
    const room = most > least ? (most - least) * 0.08 : Math.max(Math.abs(most) * 0.1, 1e-6);
    return [least >= 0 && least - room < 0 ? 0 : least - room, most <= 0 && most + room > 0 ? 0 : most + room];
  }

  /** @param {uPlot} plot */
  #onCursor(plot) {
    // Also fired by drawing, when no pointer is here.
    if (!this.#isPointing) return;
    const { left } = plot.cursor;
    this.#listeners.hover(left === undefined || left < 0 ? null : plot.posToVal(left, "x"));
  }

  /** @param {uPlot} plot */
  #onSelect(plot) {
    const { left, width } = plot.select;
    if (width < CLICK_PIXELS) return;
    const window = /** @type {[number, number]} */ ([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.#listeners.zoom(window);
  }

  #reset() {
    clearTimeout(this.#clickTimer);
    this.#listeners.zoom(null);
    return null;
  }

  /** @param {uPlot} plot */
  #listen(plot) {
    const { over } = plot;
    let downAt = 0;
    // A touch makes up events of a mouse, and never one that leaves.
    over.addEventListener("pointerenter", (event) => (this.#isPointing = event.pointerType !== "touch"));
    over.addEventListener("mouseleave", () => {
      this.#isPointing = false;
      this.#listeners.hover(null);
    });
    over.addEventListener("mousedown", (event) => (downAt = event.clientX));
    over.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - downAt) >= CLICK_PIXELS || event.detail !== 1) return;
      const x = plot.posToVal(event.clientX - over.getBoundingClientRect().left, "x");
      this.#clickTimer = window.setTimeout(() => this.#listeners.pick(x), DOUBLE_CLICK_MS);
    });
    // A finger that moves sideways moves the cursor; up and down it scrolls the page.
    const placeOf = (/** @type {PointerEvent} */ event) =>
      plot.posToVal(event.clientX - over.getBoundingClientRect().left, "x");
    over.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") this.#listeners.hover(placeOf(event));
    });
    over.addEventListener("pointerup", (event) => {
      if (event.pointerType !== "touch") return;
      this.#listeners.hover(null);
      this.#listeners.pick(placeOf(event));
    });
    over.addEventListener("pointercancel", () => this.#listeners.hover(null));
  }
}

/**
 * Least and most of a curve in the window. Of raw values behind a smoothed curve the few farthest do not count, so that
 * the curve fills the plot.
 *
 * @param {number[]} xs @param {(number | null)[]} ys @param {[number, number]} window @param {boolean} isFaint
 * @returns {[number, number]}
 */
function extentOf(xs, ys, window, isFaint) {
  const seen = /** @type {number[]} */ (ys.filter((y, index) => y !== null && xs[index] >= window[0] && xs[index] <= window[1]));
  if (!isFaint || seen.length < 40) return [Math.min(...seen), Math.max(...seen)];
  seen.sort((one, other) => one - other);
  const left = Math.floor(seen.length * 0.02);
  return [seen[left], seen[seen.length - 1 - left]];
}

const TIME_STEPS = [
  0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000,
  1728000, 4320000,
];

/** Of pixels between two ticks. */
const TICK_SPACE = 30;

/** @type {uPlot.Axis.Splits} */
const logSplits = (plot, _axis, least, most) => logTicks(least, most, Math.max(2, Math.floor(plot.height / TICK_SPACE) - 1));

// uPlot leaves out labels of a logarithmic axis by rules for ticks of its own.
/** @type {uPlot.Axis.Filter} */
const keepAll = (_plot, splits) => splits;

/** @param {uPlot} plot @param {number} index @param {boolean} isFaint */
function cursorPoint(plot, index, isFaint) {
  const point = document.createElement("div");
  if (isFaint) point.hidden = true;
  else {
    const stroke = plot.series[index].stroke;
    point.style.borderColor = typeof stroke === "function" ? String(stroke(plot, index)) : String(stroke);
  }
  return point;
}
