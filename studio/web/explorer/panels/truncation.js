import { panel } from "../../components/panel.js";
import { slider } from "../../components/slider.js";
import { USUAL_CUTOFF } from "../controls.js";
import { copyPanel } from "./common.js";

/** @param {import("../app.js").App} app */
export function truncationPanel(app) {
  const psi = slider({ label: "Psi", min: -1, max: 2, step: 0.01, value: 0.7, beyond: true, compact: true, help: "How far w stands from the mean: 0 is the mean picture, 1 is not truncated" }, (value, done) => {
    app.store.move("psi", { psi: value });
    if (done) app.store.rest();
  });
  const cutoff = slider({ label: "Cutoff", min: 0, max: USUAL_CUTOFF, step: 1, value: USUAL_CUTOFF, unit: "layers", compact: true, help: "How many layers are truncated, from the coarsest on" }, (value, done) => {
    app.store.move("cutoff", { cutoff: value === usual() ? null : value });
    if (done) app.store.rest();
  });
  const usual = () => Math.min(app.model?.usual?.truncation_cutoff ?? USUAL_CUTOFF, app.model?.num_layers ?? USUAL_CUTOFF);

  app.onModel(() => {
    cutoff.options = { label: "Cutoff", min: 0, max: app.model?.num_layers ?? USUAL_CUTOFF, step: 1, value: app.now.cutoff ?? usual(), standard: usual(), unit: "layers", compact: true, help: "How many layers are truncated, from the coarsest on" };
  });
  app.bind((now) => {
    psi.value = now.psi;
    cutoff.value = now.cutoff ?? usual();
  }, ["psi", "cutoff"]);
  return panel("Truncation", { actions: [copyPanel(app)] }, psi, cutoff);
}
