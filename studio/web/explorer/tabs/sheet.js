import { isAbort } from "../../api.js";
import { iconButton } from "../../components/button.js";
import { errorNotice } from "../../components/notice.js";
import { h, saveBlob } from "../../dom.js";
import { Latest } from "../latest.js";
import { PictureCanvas } from "./canvas.js";

/**
 * @typedef {object} SheetOptions
 * @property {string} label
 * @property {(signal: AbortSignal) => Promise<{blob: Blob, drawMs: number}>} ask
 * @property {() => {columns: number, rows: number, cell?: {width: number, height: number}}} cells with the size of a cell in pixels if the first row and column stand apart
 * @property {(column: number, row: number) => void} chosen
 * @property {(column: number, row: number) => string} cellName
 */

/**
 * How the cells are drawn; their seeds are the sheet's own, so that a walk in the plane does not draw them anew.
 *
 * @param {import("../app.js").App} app
 * @returns {import("../../types.js").Draw}
 */
export function sheetDraw(app) {
  return { .../** @type {import("../../types.js").Draw} */ (app.draw), blend: "0:1", latents: null };
}

/**
 * A picture made of pictures: one press opens a cell. Arrows choose it, Enter opens it.
 *
 * @param {import("../app.js").App} app
 * @param {SheetOptions} options
 */
export function sheet(app, { label, ask, cells, chosen, cellName }) {
  const well = h("div", { class: "well" });
  const shown = new PictureCanvas(well);
  const { canvas } = shown;
  const marker = h("div", { class: "cell-marker", hidden: true, "aria-hidden": "true" });
  const said = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const problem = h("div", { class: "problem", hidden: true });
  const status = h("div", { class: "status-line" }, h("span", { class: "grow muted" }, "A press opens the picture"), h("span", { class: "number muted" }));
  well.append(marker);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", "sheet of pictures");
  canvas.setAttribute("aria-label", `${label}; arrows choose a picture, Enter opens it`);

  const latest = new Latest(120);
  /** @type {Blob | null} */
  let png = null;
  const at = { column: 0, row: 0 };
  app.onEnd(() => {
    latest.stop();
    shown.end();
  });

  function refresh() {
    latest.run(async (signal) => {
      well.classList.add("waiting");
      if (!png) well.dataset.said = "Drawing";
      try {
        const { blob, drawMs } = await ask(signal);
        shown.show(await createImageBitmap(blob));
        png = blob;
        delete well.dataset.said;
        problem.hidden = true;
        if (status.lastElementChild) status.lastElementChild.textContent = `${Math.round(drawMs)} ms`;
        place();
      } finally {
        if (!signal.aborted) well.classList.remove("waiting");
      }
    }, (error) => {
      if (isAbort(error)) return;
      delete well.dataset.said;
      problem.replaceChildren(errorNotice(error));
      problem.hidden = false;
    });
  }

  /** Cells on the screen, in CSS pixels, and what stands between the first and the second of a row or column. */
  function lattice() {
    const { columns, rows, cell } = cells();
    const { offsetWidth, offsetHeight } = canvas;
    const { bitmap } = shown;
    if (!cell || !bitmap) return { width: offsetWidth / columns, height: offsetHeight / rows, gapX: 0, gapY: 0 };
    const scale = offsetWidth / bitmap.width;
    return { width: cell.width * scale, height: cell.height * scale, gapX: offsetWidth - columns * cell.width * scale, gapY: offsetHeight - rows * cell.height * scale };
  }

  function place() {
    const { columns, rows } = cells();
    at.column = Math.min(at.column, columns - 1);
    at.row = Math.min(at.row, rows - 1);
    const { width, height, gapX, gapY } = lattice();
    const left = canvas.offsetLeft + at.column * width + (at.column > 0 ? gapX : 0);
    const top = canvas.offsetTop + at.row * height + (at.row > 0 ? gapY : 0);
    Object.assign(marker.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  /** @param {MouseEvent} event */
  function point(event) {
    const box = canvas.getBoundingClientRect();
    const { columns, rows } = cells();
    const { width, height, gapX, gapY } = lattice();
    const index = (/** @type {number} */ far, /** @type {number} */ size, /** @type {number} */ gap, /** @type {number} */ count) =>
      Math.min(count - 1, Math.max(0, far < size ? 0 : Math.floor((far - gap) / size)));
    at.column = index(event.clientX - box.left, width, gapX, columns);
    at.row = index(event.clientY - box.top, height, gapY, rows);
    canvas.title = cellName(at.column, at.row);
    marker.hidden = false;
    place();
  }

  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", () => {
    marker.hidden = document.activeElement !== canvas;
  });
  canvas.addEventListener("blur", () => {
    marker.hidden = true;
  });
  canvas.addEventListener("focus", () => {
    marker.hidden = false;
    place();
  });
  canvas.addEventListener("click", (event) => {
    point(event);
    chosen(at.column, at.row);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      const { columns, rows } = cells();
      at.column = (at.column + (step[0] ?? 0) + columns) % columns;
      at.row = (at.row + (step[1] ?? 0) + rows) % rows;
      said.textContent = cellName(at.column, at.row);
      marker.hidden = false;
      place();
    } else if (event.key === "Enter") {
      chosen(at.column, at.row);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  const save = (/** @type {string} */ name) => iconButton("download", "Save PNG", () => {
    if (png) saveBlob(png, name);
  }, { className: "icon" });

  return { elements: [well, status, problem, said], refresh, save, stop: () => latest.stop() };
}
