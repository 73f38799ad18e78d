import { h } from "../../dom.js";

/**
 * A row of switches, one for each layer; arrows go between them, so that they are one stop of the Tab key.
 *
 * @param {(layers: number[]) => void} changed
 */
export function layerSwitches(changed) {
  const element = h("div", { class: "switches", role: "group", "aria-label": "Layers" });
  /** @type {HTMLButtonElement[]} */
  let buttons = [];
  /** @type {Set<number>} */
  let on = new Set();

  element.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    const next = to === undefined ? undefined : buttons[to];
    if (at < 0 || !next) return;
    event.preventDefault();
    event.stopPropagation();
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  });

  return {
    element,
    /** @param {import("../../types.js").LayerShape[]} layers */
    setLayers(layers) {
      buttons = layers.map(({ layer, width, height }, at) => h("button", {
        type: "button",
        tabIndex: at === 0 ? 0 : -1,
        title: `Layer ${layer}, ${width}x${height}`,
        "aria-label": `Layer ${layer}, ${width}x${height}`,
        onclick: () => {
          const next = new Set(on);
          if (!next.delete(layer)) next.add(layer);
          changed([...next].sort((a, b) => a - b));
        },
      }, String(layer)));
      element.style.setProperty("--columns", String(layers.length <= 12 ? layers.length : Math.ceil(layers.length / 2)));
      element.replaceChildren(...buttons);
      this.set([...on]);
    },
    /** @param {number[]} layers */
    set(layers) {
      on = new Set(layers);
      buttons.forEach((button, layer) => button.setAttribute("aria-pressed", String(on.has(layer))));
    },
  };
}
