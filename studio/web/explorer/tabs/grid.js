import * as api from "../../api.js";
import { copyCommand } from "../../components/copy.js";
import { numberBox } from "../../components/number.js";
import { h } from "../../dom.js";
import { readList } from "../lists.js";
import { sheet, sheetDraw } from "./sheet.js";
import { textField } from "./field.js";

const MOST_SEEDS = 256;

/**
 * Many seeds at once, as the controls draw them.
 *
 * @param {import("../app.js").App} app
 */
export function gridTab(app) {
  const legal = (/** @type {string} */ text) => readList(text, MOST_SEEDS) !== null;
  const seeds = textField("Seeds", { value: "", title: `Such as 0-15,20; at most ${MOST_SEEDS}`, size: 18, legal }, (gridSeeds) => app.store.set({ gridSeeds }));
  const columns = numberBox({ label: "Columns", min: 1, max: 64, value: 4, standard: 4 }, (gridColumns) => app.store.set({ gridColumns }));
  const list = () => readList(app.now.gridSeeds, MOST_SEEDS) ?? [0];
  const what = () => ({ seeds: app.now.gridSeeds, latents: null, columns: app.now.gridColumns, draw: sheetDraw(app) });
  const cells = () => ({ columns: Math.min(app.now.gridColumns, list().length), rows: Math.ceil(list().length / app.now.gridColumns) });
  const seedOf = (/** @type {number} */ column, /** @type {number} */ row) => list()[row * app.now.gridColumns + column];

  const grid = sheet(app, {
    label: "Grid of seeds",
    ask: (signal) => api.grid(/** @type {import("../../types.js").Model} */ (app.model).model, what(), signal),
    cells,
    chosen(column, row) {
      const seed = seedOf(column, row);
      if (seed === undefined) return;
      app.goToSeed(seed);
      app.store.put({ tab: "picture" });
    },
    cellName: (column, row) => (seedOf(column, row) === undefined ? "Empty" : `Seed ${seedOf(column, row)}`),
  });

  let asked = "";
  app.bind((now) => {
    if (now.tab !== "grid") return;
    seeds.set(now.gridSeeds);
    columns.value = now.gridColumns;
    if (!app.draw || !app.model) return;
    const ask = JSON.stringify([app.model.model, what()]);
    if (ask === asked) return;
    asked = ask;
    grid.refresh();
  });

  return h("div", { class: "sheet-tab" },
    h("div", { class: "toolbar" }, seeds.element, columns, h("span", { class: "end row" }, copyCommand(() => app.command({ grid: what() })), grid.save("grid.png"))),
    ...grid.elements);
}
