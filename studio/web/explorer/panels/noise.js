import { button, iconButton } from "../../components/button.js";
import { numberBox } from "../../components/number.js";
import { panel } from "../../components/panel.js";
import { segmented } from "../../components/segmented.js";
import { h } from "../../dom.js";
import { copyPanel, resetPanel } from "./common.js";

/** @typedef {import("../controls.js").Controls["noise"]} NoiseMode */

/**
 * @param {import("../app.js").App} app
 * @param {import("../player.js").Player} player
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function noisePanel(app, player) {
  const mode = segmented("Noise mode", /** @type {{value: NoiseMode, label: string, title: string}[]} */ ([
    { value: "const", label: "Constant", title: "The noise that the network came with" },
    { value: "random", label: "Random", title: "Noise drawn from the seed" },
    { value: "none", label: "None", title: "No noise at all" },
  ]), app.now.noise, (noise) => app.store.set({ noise }));
  const seed = numberBox({ label: "Seed", min: 0, max: Number.MAX_SAFE_INTEGER, value: 0, standard: 0, help: "Of random noise" }, (noiseSeed) => app.store.set({ noiseSeed, noise: "random" }));
  seed.classList.add("grow");
  const dice = iconButton("dice", "Random noise seed", () => app.store.set({ noise: "random", noiseSeed: Math.floor(Math.random() * 10_000) }), { className: "quiet icon tiny" });
  const animated = button("Animated", () => player.animateNoise(), { className: "tiny", title: "Draws new noise twelve times a second" });

  app.bind((now) => {
    mode.value = now.noise;
    seed.value = now.noiseSeed;
    seed.disabled = now.noise !== "random";
  }, ["noise", "noiseSeed"]);

  const element = panel("Noise", { actions: [copyPanel(app), resetPanel(app, "noise", ["noise", "noiseSeed"])] },
    mode, h("div", { class: "row" }, seed, dice, animated));
  return {
    element,
    update() {
      animated.setAttribute("aria-pressed", String(player.noise));
    },
  };
}

/** @type {NoiseMode[]} */
const ORDER = ["const", "random", "none"];

/**
 * The mode after this one, for the key.
 *
 * @param {NoiseMode} mode
 */
export const nextNoise = (mode) => ORDER[(ORDER.indexOf(mode) + 1) % ORDER.length] ?? "const";
