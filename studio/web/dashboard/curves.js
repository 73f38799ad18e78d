/** All curves of a run, and of those it is compared with. */

import { copyCommand } from "../components/copy.js";
import { button } from "../components/button.js";
import { segmented } from "../components/segmented.js";
import { slider } from "../components/slider.js";
import { fill, h, onThemeChange } from "../dom.js";
import { CompareBar } from "./compare-bar.js";
import { isOnFirstPage, panelsOf } from "./groups.js";
import { bandsOf } from "./level-bands.js";
import { numbersMenu } from "./numbers-menu.js";
import { plotCommand } from "./plot-command.js";
import { PlotPanel } from "./plot-panel.js";
import { plotTheme } from "./plot-theme.js";
import { smooth } from "./smooth.js";

/** @typedef {import("./run-data.js").RunData} RunData */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./timeline.js").Timeline} Timeline */
/** @typedef {{key: string, title: string, entries: {run: RunData, name: string, called: string, role: string}[]}} Slot */

export class Curves {
  /** @param {RunData} data @param {import("./compared-runs.js").ComparedRuns} compared @param {View} view @param {Timeline} timeline */
  constructor(data, compared, view, timeline) {
    this.#data = data;
    this.#compared = compared;
    this.#view = view;
    this.#timeline = timeline;
    this.#endTheme = onThemeChange(() => {
      this.#theme = plotTheme();
      this.update();
    });
    this.#menu = numbersMenu((values) => view.set({ values }));
    this.#bar = new CompareBar(data, compared, view);
    this.element.append(this.#toolbar(), this.#bar.element, this.#grid);
    data.addEventListener("info", this.update);
    data.addEventListener("stats", this.update);
    compared.addEventListener("change", this.update);
    view.addEventListener("change", this.update);
    view.addEventListener("at", this.#onAt);
    timeline.addEventListener("hover", this.#onHover);
    this.update();
  }

  element = h("div", { class: "curves" });

  /** What stands in the head of the panel. @returns {Node[]} */
  get actions() {
    return [this.#resetZoom, copyCommand(() => plotCommand(this.#runs(), this.#view, this.#chosen()), { small: true })];
  }

  #data;
  #compared;
  #view;
  #timeline;
  #endTheme;
  #menu;
  #bar;
  #theme = plotTheme();
  #grid = h("div", { class: "curves-body" });
  #log = h("input", { type: "checkbox", onchange: () => this.#view.set({ log: this.#log.checked }) });
  #axis = segmented(
    "X axis",
    [
      { value: "kimg", label: "kimg", title: "Thousands of real images shown" },
      { value: "time", label: "Time", title: "Time of training" },
    ],
    "kimg",
    (/** @type {import("./view.js").Axis} */ axis) => this.#view.set({ axis, window: null }),
  );
  #resetZoom = button("Reset zoom", () => this.#view.set({ window: null }), { className: "tiny", title: "Or a double click on a plot" });
  /** @type {Map<string, PlotPanel>} */
  #panels = new Map();
  /** @type {Map<string, {version: number, weight: number, ys: Float64Array}>} */
  #smoothed = new Map();
  #frame = 0;
  #layout = "";

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#endTheme();
    this.#bar.destroy();
    for (const panel of this.#panels.values()) panel.destroy();
    for (const target of [this.#data, this.#compared, this.#view]) {
      for (const type of ["info", "stats", "change"]) target.removeEventListener(type, this.update);
    }
    this.#view.removeEventListener("at", this.#onAt);
    this.#timeline.removeEventListener("hover", this.#onHover);
  }

  /** Draws anew in the next frame, however often it is asked for. */
  update = () => {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  };

  #toolbar() {
    const view = this.#view;
    return h(
      "div",
      { class: "toolbar curves-toolbar", role: "toolbar", "aria-label": "Curves" },
      this.#menu.button,
      this.#bar.select,
      this.#axis,
      h("label", { class: "check" }, this.#log, "Log scale"),
      slider(
        {
          label: "Smoothing",
          min: 0,
          max: 0.99,
          step: 0.01,
          value: view.smoothing,
          standard: 0,
          compact: true,
          help: "Weight of what came before in an exponential mean, 0 to 0.99",
        },
        (smoothing) => view.set({ smoothing }),
      ),
      this.#menu.popover,
    );
  }

  /** The run itself and those beside it which have something to show. */
  #runs() {
    return [this.#data, ...this.#compared.ready()];
  }

  #names() {
    return new Set(this.#runs().flatMap((run) => run.names()));
  }

  #chosen() {
    const { values } = this.#view;
    return [...this.#names()].filter((name) => (values === null ? isOnFirstPage(name) : values.has(name)));
  }

  #render() {
    const view = this.#view;
    const names = this.#names();
    const chosen = new Set(this.#chosen());
    this.#menu.update(panelsOf(names), chosen);
    this.#log.checked = view.log;
    this.#axis.value = view.axis;
    this.#resetZoom.hidden = view.window === null;
    const slots = this.#slots(panelsOf(names), chosen);
    this.#place(slots, names.size > 0);
    const window = this.#window();
    const bands = bandsOf(this.#data.info?.levels ?? [], (kimg) => this.#placeOf(kimg));
    const marks = this.#marks();
    for (const slot of slots) {
      const entries = slot.entries.map((entry) => this.#entry(entry));
      const hasNegative = view.log && entries.some(({ curve }) => hasBelowZero(curve.ys));
      this.#panels.get(slot.key)?.show({
        title: slot.title,
        note: hasNegative ? "linear: has values below 0" : "",
        entries,
        isCompact: this.#runs().length > 1,
        plot: { lines: [], bands, marks, window, log: view.log && !hasNegative, axis: view.axis, theme: this.#theme },
      });
    }
    this.#onAt();
    this.#onHover();
  }

  /** Of one run, values that are compared share a plot; of several runs, each value has one, and each run a color. @param {import("./groups.js").Panel[]} panels @param {Set<string>} chosen @returns {Slot[]} */
  #slots(panels, chosen) {
    const runs = this.#runs();
    return panels.flatMap(({ title, values }) => {
      const shown = values.filter(({ name }) => chosen.has(name));
      if (shown.length === 0) return [];
      if (runs.length === 1) {
        const entries = shown.map(({ name, called, role }) => ({ run: runs[0], name, called, role }));
        return [{ key: shown.map(({ name }) => name).join("+"), title, entries }];
      }
      return shown.map(({ name, called }) => ({
        key: `${name} of runs`,
        title: values.length > 1 ? `${title}, ${called}` : title,
        entries: runs.flatMap((run) =>
          run.curve(name) === null ? [] : [{ run, name, called: run.name, role: this.#compared.roleOf(run) }],
        ),
      }));
    });
  }

  /** Puts the panels where they belong; those that stay keep their canvas. @param {Slot[]} slots @param {boolean} hasNumbers */
  #place(slots, hasNumbers) {
    const layout = JSON.stringify([hasNumbers, this.#data.hasStats, slots.map(({ key }) => key)]);
    if (layout === this.#layout) return;
    this.#layout = layout;
    const keys = new Set(slots.map(({ key }) => key));
    for (const [key, panel] of this.#panels) {
      if (keys.has(key)) continue;
      panel.destroy();
      this.#panels.delete(key);
    }
    if (slots.length === 0) {
      const none = this.#data.hasStats ? "No ticks yet: the first numbers come after a tick" : "Reading the numbers…";
      const text = hasNumbers ? "No numbers chosen" : none;
      fill(this.#grid, h("p", { class: "empty" }, text));
      return;
    }
    fill(
      this.#grid,
      h("div", { class: "curves-grid" }, slots.map(({ key }) => this.#panel(key).element)),
    );
  }

  /** @param {string} key */
  #panel(key) {
    let panel = this.#panels.get(key);
    if (panel === undefined) {
      panel = new PlotPanel({
        hover: (x) => this.#timeline.point(x),
        zoom: (window) => this.#view.set({ window }),
        pick: (x) => this.#view.set({ at: Math.round(this.#kimgOf(x) * 1000) / 1000 }),
      });
      this.#panels.set(key, panel);
    }
    return panel;
  }

  /** @param {{run: RunData, name: string, called: string, role: string}} entry @returns {import("./plot-panel.js").Entry} */
  #entry({ run, name, called, role }) {
    const curve = /** @type {import("./run-data.js").Curve} */ (run.curve(name));
    return {
      name,
      called,
      role,
      curve,
      xs: this.#view.axis === "time" ? curve.elapsed : curve.kimg,
      smoothed: this.#view.smoothing > 0 && !curve.isMeasure ? () => this.#smooth(run, name, curve.ys) : null,
      isSparse: curve.isMeasure,
    };
  }

  /** @param {RunData} run @param {string} name @param {ArrayLike<number>} ys */
  #smooth(run, name, ys) {
    const key = `${run.run} ${name}`;
    const weight = this.#view.smoothing;
    const known = this.#smoothed.get(key);
    if (known !== undefined && known.version === run.version && known.weight === weight) return known.ys;
    const smoothed = smooth(ys, weight);
    this.#smoothed.set(key, { version: run.version, weight, ys: smoothed });
    return smoothed;
  }

  /** What is seen of the x axis: all there is, unless someone zoomed. @returns {[number, number]} */
  #window() {
    if (this.#view.window !== null) return this.#view.window;
    const places = this.#runs().map((run) => (this.#view.axis === "time" ? run.elapsed : run.kimg)).filter((xs) => xs.length > 0);
    if (places.length === 0) return [0, 1];
    const from = Math.min(...places.map((xs) => xs[0]));
    const to = Math.max(...places.map((xs) => xs[xs.length - 1]));
    // One tick has no extent.
    const least = from < 0.1 * to || from === to ? 0 : from;
    return [least, to > least ? to : least + 1];
  }

  /** Where the run was taken back since its numbers went bad. */
  #marks() {
    const rollbacks = this.#data.numbers.get("rollbacks") ?? [];
    const xs = this.#view.axis === "time" ? this.#data.elapsed : this.#data.kimg;
    return xs.filter((_, row) => rollbacks[row] > (row === 0 ? 0 : rollbacks[row - 1]));
  }

  /** @param {number} kimg */
  #placeOf(kimg) {
    if (this.#view.axis === "kimg") return kimg;
    // What is still to come has no time yet.
    return this.#data.elapsedAt(Math.min(kimg, this.#data.kimg.at(-1) ?? 0));
  }

  /** @param {number} x */
  #kimgOf(x) {
    return this.#view.axis === "kimg" ? x : this.#data.kimgAt(x);
  }

  #onAt = () => {
    const { at } = this.#view;
    for (const panel of this.#panels.values()) panel.pin(at === null ? null : this.#placeOf(at));
  };

  #onHover = () => {
    for (const panel of this.#panels.values()) panel.point(this.#timeline.hover);
  };
}

/** @param {ArrayLike<number>} ys */
function hasBelowZero(ys) {
  for (let row = 0; row < ys.length; row++) if (ys[row] < 0) return true;
  return false;
}
