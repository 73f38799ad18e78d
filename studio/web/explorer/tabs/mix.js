import * as api from "../../api.js";
import { copyCommand } from "../../components/copy.js";
import { segmented } from "../../components/segmented.js";
import { h } from "../../dom.js";
import { readList } from "../lists.js";
import { placeOf } from "../plane.js";
import { sheet, sheetDraw } from "./sheet.js";
import { textField } from "./field.js";

const MOST_SEEDS = 32;

/**
 * The style-mixing figure: pictures on the left take the styles of those on top.
 *
 * @param {import("../app.js").App} app
 */
export function mixTab(app) {
  const legal = (/** @type {string} */ text) => readList(text, MOST_SEEDS) !== null;
  const rows = textField("Rows", { value: "", title: "Seeds on the left, such as 0-3", size: 8, legal }, (mixRows) => app.store.set({ mixRows }));
  const cols = textField("Columns", { value: "", title: "Seeds on top, whose styles are taken, such as 4-7", size: 8, legal }, (mixCols) => app.store.set({ mixCols }));
  const legalStyles = (/** @type {string} */ text) => text.split("/").every((part) => readList(part, 64) !== null);
  const styles = textField("Layers", { value: "", title: "Layers that take the styles of the columns, such as 0-3; or a list for each row, 0-3/4-7", size: 8, legal: legalStyles }, (mixStyles) => app.store.set({ mixStyles }));
  const scale = segmented("Styles", [{ value: "coarse", label: "Coarse" }, { value: "middle", label: "Middle" }, { value: "fine", label: "Fine" }], "", (value) => {
    const layers = app.model?.scales[value];
    if (layers) app.store.set({ mixStyles: layers });
  });

  const layers = () => app.now.mixStyles || (app.model?.scales.coarse ?? "0");
  const rowSeeds = () => readList(app.now.mixRows, MOST_SEEDS) ?? [0];
  const colSeeds = () => readList(app.now.mixCols, MOST_SEEDS) ?? [0];
  const what = () => ({ rows: app.now.mixRows, cols: app.now.mixCols, styles: layers(), latents: null, draw: { ...sheetDraw(app), styles: null } });

  /**
   * @param {number} column 0 is that of the rows' own pictures
   * @param {number} row 0 is that of the columns' own pictures
   */
  const name = (column, row) => {
    const [left, top] = [rowSeeds()[row - 1], colSeeds()[column - 1]];
    if (left === undefined && top === undefined) return "Empty";
    if (left === undefined) return `Seed ${top}`;
    return top === undefined ? `Seed ${left}` : `Seed ${left} with styles of seed ${top}`;
  };

  const matrix = sheet(app, {
    label: "Style-mixing matrix",
    ask: (signal) => api.mix(/** @type {import("../../types.js").Model} */ (app.model).model, what(), signal),
    cells: () => ({ columns: colSeeds().length + 1, rows: rowSeeds().length + 1, cell: app.model?.resolution }),
    chosen(column, row) {
      const [left, top] = [rowSeeds()[row - 1], colSeeds()[column - 1]];
      const seed = left ?? top;
      if (seed === undefined) return;
      const mixed = left !== undefined && top !== undefined;
      const parts = layers().split("/");
      const list = readList(parts[(row - 1) % parts.length] ?? "") ?? [];
      app.store.set({ ...placeOf(seed), base: "", latents: null, share: 0, ...(mixed ? { mixSeed: top, mixLayers: list } : { mixLayers: [] }) });
      app.store.put({ tab: "picture" });
    },
    cellName: name,
  });

  let asked = "";
  app.bind((now) => {
    const { model } = app;
    if (now.tab !== "mix") return;
    rows.set(now.mixRows);
    cols.set(now.mixCols);
    styles.set(layers());
    scale.value = model ? /** @type {const} */ (["coarse", "middle", "fine"]).find((key) => model.scales[key] === layers()) ?? "" : "";
    if (!app.draw || !model) return;
    const ask = JSON.stringify([model.model, what()]);
    if (ask === asked) return;
    asked = ask;
    matrix.refresh();
  });

  return h("div", { class: "sheet-tab" },
    h("div", { class: "toolbar" }, rows.element, cols.element, scale, styles.element, h("span", { class: "end row" }, copyCommand(() => app.command({ mix: what() })), matrix.save("mix.png"))),
    ...matrix.elements);
}
