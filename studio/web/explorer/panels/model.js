import { drop } from "../../components/drop.js";
import { panel } from "../../components/panel.js";
import { fill, h, newId } from "../../dom.js";
import { copyPanel } from "./common.js";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../../types.js").ModelEntry} ModelEntry
 */

/**
 * Which network draws: those of runs are grouped, with a slider over their snapshots.
 *
 * @param {App} app
 * @param {(files: File[]) => void} opened
 */
export function modelPanel(app, opened) {
  const select = h("select", { class: "grow", "aria-label": "Network", onchange: choose });
  const range = h("input", { type: "range", min: "0", step: "1", id: newId("snapshot") });
  const kimg = h("span", { class: "small number muted" });
  const snapshots = h("div", { class: "snapshots", hidden: true }, h("label", { class: "small muted", htmlFor: range.id }, "Snapshot"), range, kimg);
  const facts = h("p", { class: "hint facts-line" });

  range.addEventListener("input", () => {
    const entry = ofRun(runOf(app.now.model))[Number(range.value)];
    if (entry) app.store.move("snapshot", { model: entry.model });
  });
  range.addEventListener("change", () => app.store.rest());

  /** @param {number | null} id */
  const runOf = (id) => app.models.find((entry) => entry.model === id)?.run ?? null;
  /** @param {number | null} run */
  const ofRun = (run) => (run === null ? [] : app.models.filter((entry) => entry.run === run));

  function choose() {
    const [kind, id] = select.value.split(":");
    const chosen = kind === "run" ? ofRun(Number(id)).at(-1)?.model : Number(id);
    if (chosen !== undefined) app.store.set({ model: chosen });
  }

  function list() {
    /** @type {Map<number, ModelEntry>} */
    const runs = new Map();
    for (const entry of app.models) if (entry.run !== null) runs.set(entry.run, entry);
    const single = app.models.filter((entry) => entry.run === null);
    fill(select,
      runs.size ? h("optgroup", { label: "Runs" }, ...[...runs].map(([run, entry]) => h("option", { value: `run:${run}` }, runName(entry)))) : null,
      single.length ? h("optgroup", { label: "Networks" }, ...single.map((entry) => h("option", { value: `model:${entry.model}` }, entry.name))) : null);
  }

  function update() {
    const run = runOf(app.now.model);
    select.value = run !== null ? `run:${run}` : `model:${app.now.model}`;
    const all = ofRun(run);
    snapshots.hidden = all.length < 2;
    if (all.length > 1) {
      const at = all.findIndex((entry) => entry.model === app.now.model);
      range.max = String(all.length - 1);
      range.value = String(at);
      range.style.setProperty("--fill", `${(at / (all.length - 1)) * 100}%`);
      const text = all[at]?.kimg === null ? "newest" : `${all[at]?.kimg} kimg`;
      range.setAttribute("aria-valuetext", text);
      kimg.textContent = text;
    }
  }

  app.onModel(() => {
    list();
    update();
    const { model } = app;
    facts.textContent = model
      ? `${model.resolution.width}x${model.resolution.height}, ${model.num_layers} layers, w of ${model.w_dim}${model.lod > 0 ? `, lod ${model.lod.toFixed(2)} of ${model.full.width}x${model.full.height}` : ""}, hash ${model.hash.slice(0, 8)}`
      : "";
  });
  app.bind(update, ["model"]);

  return panel("Model", { actions: [copyPanel(app, () => `stylegan inspect ${app.model?.command ?? ""}`)] },
    h("div", { class: "row" }, select, drop({ label: "Open…", title: "A network, a picture with its recipe, a photo or latents; or drop it anywhere", multiple: true, small: true }, opened)),
    snapshots,
    facts);
}

/**
 * The name of a run is that of its snapshots up to their own part.
 *
 * @param {ModelEntry} entry
 */
function runName(entry) {
  return entry.name.replace(/ at [\d.]+ kimg$/, "");
}
