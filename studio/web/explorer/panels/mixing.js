import { iconButton } from "../../components/button.js";
import { numberBox } from "../../components/number.js";
import { panel } from "../../components/panel.js";
import { h } from "../../dom.js";
import { readList } from "../lists.js";
import { copyPanel, resetPanel } from "./common.js";
import { layerSwitches } from "./switches.js";

const SCALES = /** @type {const} */ (["coarse", "middle", "fine"]);

/**
 * Layers that take their style from another seed.
 *
 * @param {import("../app.js").App} app
 */
export function mixingPanel(app) {
  const seed = numberBox({ label: "Seed", min: 0, max: 2 ** 32 - 1, value: app.now.mixSeed, help: "Whose styles the layers that are on take" }, (mixSeed) => app.store.set({ mixSeed }));
  seed.classList.add("grow");
  const dice = iconButton("dice", "Random seed to mix in", () => app.store.set({ mixSeed: Math.floor(Math.random() * 10_000) }), { className: "quiet icon tiny" });
  const switches = layerSwitches((mixLayers) => app.store.set({ mixLayers }));
  const scales = SCALES.map((scale) => {
    const button = h("button", { type: "button", class: "tiny grow", onclick: () => {
      const layers = layersOf(scale);
      const all = layers.every((layer) => app.now.mixLayers.includes(layer));
      const rest = app.now.mixLayers.filter((layer) => !layers.includes(layer));
      app.store.set({ mixLayers: (all ? rest : [...rest, ...layers]).sort((a, b) => a - b) });
    } }, scale[0]?.toUpperCase() + scale.slice(1));
    return { scale, button };
  });

  /** @param {typeof SCALES[number]} scale */
  const layersOf = (scale) => readList(app.model?.scales[scale] ?? "") ?? [];

  const none = h("p", { class: "hint", hidden: true }, "This network has no styles to mix");
  const body = h("div", { class: "stack" },
    h("div", { class: "row" }, seed, dice),
    h("div", { class: "row" }, ...scales.map(({ button }) => button)),
    switches.element);

  app.onModel(() => {
    const { model } = app;
    if (!model) return;
    switches.setLayers(model.layers);
    none.hidden = model.styles;
    body.hidden = !model.styles;
    for (const { scale, button } of scales) {
      button.title = `Layers ${model.scales[scale] || "none"}`;
      button.disabled = layersOf(scale).length === 0;
    }
  });
  app.bind((now) => {
    seed.value = now.mixSeed;
    switches.set(now.mixLayers);
    for (const { scale, button } of scales) {
      const layers = layersOf(scale);
      button.setAttribute("aria-pressed", String(layers.length > 0 && layers.every((layer) => now.mixLayers.includes(layer))));
    }
  }, ["mixSeed", "mixLayers"]);
  return panel("Style mix", { actions: [copyPanel(app), resetPanel(app, "style mix", ["mixSeed", "mixLayers"])] }, body, none);
}
