import * as api from "../../api.js";
import { drop } from "../../components/drop.js";
import { panel } from "../../components/panel.js";
import { slider } from "../../components/slider.js";
import { toastError } from "../../components/toast.js";
import { fill, h } from "../../dom.js";
import { copyPanel, resetPanel } from "./common.js";

/** More sliders than these are no help. */
const MOST_ROWS = 32;
/** SeFa's directions have length 1; this much changes a picture clearly. */
const MOST_STRENGTH = 8;

/**
 * Directions in w as sliders: those that SeFa finds in the network itself, or a file's.
 *
 * @param {import("../app.js").App} app
 */
export function directionsPanel(app) {
  const select = h("select", { class: "grow", "aria-label": "Directions", onchange: () => {
    const { value } = select;
    const id = value === "sefa" ? value : [...app.session.files.keys()].find((key) => String(key) === value);
    if (id !== undefined) app.store.set({ directions: id, moves: {} });
  } });
  const rows = h("div", { class: "stack tight" });
  const problem = h("p", { class: "hint danger-text", hidden: true });
  /** @type {import("../../components/slider.js").Slider[]} */
  let sliders = [];
  /** @type {Map<number, number>} */
  const counts = new Map();
  let shown = "";

  const element = panel("Directions", { open: innerHeight > 960, actions: [copyPanel(app), resetPanel(app, "directions", ["moves", "directions"])] },
    h("div", { class: "row" }, select),
    problem,
    rows,
    drop({ label: "Drop or choose directions (.safetensors, .npz, .npy)", accept: ".safetensors,.npz,.npy" }, async ([file]) => {
      if (!file) return;
      try {
        const { latents, count } = await api.uploadLatents(file);
        app.session.files.set(latents, { name: file.name, count });
        app.store.set({ directions: latents, moves: {} });
      } catch (error) {
        toastError(error);
      }
    }));
  element.addEventListener("toggle", () => void update());

  /** @returns {Promise<number>} how many directions there are */
  async function count() {
    const { directions } = app.now;
    if (directions !== "sefa") return app.session.files.get(directions)?.count ?? Math.max(0, ...Object.keys(app.now.moves).map((row) => Number(row) + 1));
    const { model } = app;
    if (!model) return 0;
    const known = counts.get(model.model);
    if (known !== undefined) return known;
    const found = await api.directions(model.model);
    counts.set(model.model, found.count);
    return found.count;
  }

  async function update() {
    const { moves } = app.now;
    const used = Object.keys(moves).length > 0;
    if ((element.open || used) && app.model) {
      const key = `${app.model.model} ${app.now.directions}`;
      if (key !== shown) {
        shown = key;
        fill(select,
          h("option", { value: "sefa" }, "SeFa, found in the network"),
          ...[...app.session.files].map(([id, { name }]) => h("option", { value: String(id) }, name)));
        try {
          const number = await count();
          problem.hidden = true;
          build(Math.min(number, MOST_ROWS));
        } catch (error) {
          problem.textContent = api.sentences(error).error;
          problem.hidden = false;
          build(0);
        }
      }
    }
    select.value = String(app.now.directions);
    sliders.forEach((element, row) => {
      element.value = app.now.moves[row] ?? 0;
    });
  }

  /** @param {number} number */
  function build(number) {
    sliders = Array.from({ length: number }, (_, row) => slider({ label: `Direction ${row + 1}`, min: -MOST_STRENGTH, max: MOST_STRENGTH, step: 0.1, value: 0, compact: true, beyond: true, help: "How far along this direction, in lengths of w" }, (strength, done) => {
      const { [row]: _, ...others } = app.now.moves;
      app.store.move(`move ${row}`, { moves: strength === 0 ? others : { ...others, [row]: strength } });
      if (done) app.store.rest();
    }));
    fill(rows, ...sliders);
  }

  app.onModel(() => void update());
  app.bind(() => void update(), ["directions", "moves"]);
  return element;
}
