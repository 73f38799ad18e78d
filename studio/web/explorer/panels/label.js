import { panel } from "../../components/panel.js";
import { fill, h, newId } from "../../dom.js";
import { copyPanel, resetPanel } from "./common.js";

/**
 * The class or the label of networks that were trained with labels; other networks have no such panel.
 *
 * @param {import("../app.js").App} app
 */
export function labelPanel(app) {
  const select = h("select", { class: "grow", "aria-label": "Class", onchange: () => {
    const { value } = select;
    if (value === "own") app.store.set({ class: null, label: Array(app.model?.label_dim ?? 0).fill(0).join(",") });
    else app.store.set({ class: value === "" ? null : Number(value), label: null });
  } });
  const id = newId("label");
  const numbers = h("input", { type: "text", id, class: "grow", spellcheck: false, onchange: () => app.store.set({ label: numbers.value.trim(), class: null }) });
  const own = h("div", { class: "stack" }, h("label", { class: "small muted", htmlFor: id }, "Numbers of the label, with commas"), numbers);

  const element = panel("Label", { actions: [copyPanel(app), resetPanel(app, "label", ["class", "label"])] }, h("div", { class: "row" }, select), own);
  element.hidden = true;

  app.onModel(() => {
    const { model } = app;
    if (!model) return;
    element.hidden = model.label_dim === 0 && model.classes.length === 0;
    const names = model.classes.length ? model.classes : Array.from({ length: Math.min(model.label_dim, 1000) }, (_, at) => `Class ${at}`);
    fill(select, h("option", { value: "" }, "None"), ...names.map((name, at) => h("option", { value: String(at) }, name)), h("option", { value: "own" }, "Own label"));
  });
  app.bind((now) => {
    select.value = now.label !== null ? "own" : now.class === null ? "" : String(now.class);
    own.hidden = now.label === null;
    if (document.activeElement !== numbers) numbers.value = now.label ?? "";
  }, ["class", "label"]);
  return element;
}
