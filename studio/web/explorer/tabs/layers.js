import * as api from "../../api.js";
import { iconButton } from "../../components/button.js";
import { copyCommand } from "../../components/copy.js";
import { errorNotice } from "../../components/notice.js";
import { h } from "../../dom.js";
import { Latest } from "../latest.js";
import { PictureCanvas } from "./canvas.js";

const PAGE = 64;

/**
 * What the layers of the network make of the picture: their numbers, and their features as pictures.
 *
 * @param {import("../app.js").App} app
 */
export function layersTab(app) {
  const body = h("tbody");
  const table = h("div", { class: "scroll layer-list" },
    h("table", { class: "table" },
      h("thead", null, h("tr", null, ...["Layer", "Size", "Channels", "Mean", "Deviation", "Maximum"].map((name, at) => h("th", { scope: "col", class: at === 0 ? "" : "right" }, name)))),
      body));
  const well = h("div", { class: "well" });
  const features = new PictureCanvas(well, { smooth: false });
  features.canvas.setAttribute("role", "img");
  features.canvas.setAttribute("aria-label", "Features of a layer");
  const caption = h("span", { class: "grow ellipsis" });
  const previous = iconButton("left", "Earlier channels", () => page(-1), { className: "quiet icon tiny" });
  const next = iconButton("right", "Later channels", () => page(1), { className: "quiet icon tiny" });
  const problem = h("div", { class: "problem", hidden: true });
  const listing = new Latest(150);
  const drawing = new Latest(60);
  let first = 0;
  /** @type {import("../../types.js").LayerStats[]} */
  let stats = [];
  app.onEnd(() => {
    listing.stop();
    drawing.stop();
    features.end();
  });

  /** @param {unknown} error */
  const failed = (error) => {
    problem.replaceChildren(errorNotice(error));
    problem.hidden = false;
  };

  function list() {
    const { model, draw } = app;
    if (!model || !draw) return;
    listing.run(async (signal) => {
      stats = await api.layers(model.model, draw, signal);
      problem.hidden = true;
      write();
      show();
    }, failed);
  }

  function write() {
    const focused = body.contains(document.activeElement);
    body.replaceChildren(...stats.map((layer) => h("tr", { class: layer.layer === app.now.layer ? "chosen" : "", onclick: () => choose(layer.layer) },
      h("td", null, h("button", { type: "button", class: "quiet tiny", "aria-pressed": String(layer.layer === app.now.layer), "aria-label": `Layer ${layer.layer}, show features`, onclick: (/** @type {Event} */ event) => {
        event.stopPropagation();
        choose(layer.layer);
      } }, String(layer.layer))),
      h("td", { class: "right" }, `${layer.width}x${layer.height}`),
      h("td", { class: "right" }, String(layer.channels)),
      ...[layer.mean, layer.deviation, layer.maximum].map((value) => h("td", { class: "right" }, value.toFixed(3))))));
    if (focused) /** @type {HTMLElement | null} */ (body.querySelector(".chosen button"))?.focus();
  }

  /** @param {number} layer */
  function choose(layer) {
    first = 0;
    app.store.put({ layer });
    write();
    show();
  }

  /** @param {number} by */
  function page(by) {
    first = Math.max(0, first + by * PAGE);
    show();
  }

  function show() {
    const { model, draw } = app;
    const layer = stats.find((other) => other.layer === app.now.layer) ?? stats[0];
    if (!model || !draw || !layer) return;
    if (first >= layer.channels) first = 0;
    drawing.run(async (signal) => {
      const { blob, headers } = await api.features(model.model, layer.layer, { draw, first, count: PAGE }, signal);
      features.cells = { columns: Number(headers.get("x-columns") ?? 1), rows: Number(headers.get("x-rows") ?? 1) };
      features.show(await createImageBitmap(blob));
      const last = Math.min(first + PAGE, layer.channels);
      caption.textContent = `Layer ${layer.layer}, ${layer.width}x${layer.height}, channels ${first} to ${last - 1} of ${layer.channels}`;
      features.canvas.setAttribute("aria-label", `Features of ${caption.textContent}`);
      previous.disabled = first === 0;
      next.disabled = last >= layer.channels;
    }, failed);
  }

  let asked = "";
  app.bind((now) => {
    if (now.tab !== "layers" || !app.model) return;
    const ask = JSON.stringify([app.model.model, app.draw]);
    if (ask === asked) return;
    asked = ask;
    list();
  });

  return h("div", { class: "layers-tab" },
    table,
    h("div", { class: "live-side" }, well, h("div", { class: "status-line" }, caption, previous, next, copyCommand(() => app.command(), { small: true }))),
    problem);
}
