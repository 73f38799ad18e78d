import { button, iconButton } from "../../components/button.js";
import { numberBox } from "../../components/number.js";
import { panel } from "../../components/panel.js";
import { slider } from "../../components/slider.js";
import { h } from "../../dom.js";
import { legalPlace, seedAt, snapped } from "../plane.js";
import { copyPanel, resetPanel } from "./common.js";
import { pad } from "./pad.js";

/**
 * Where in the plane of seeds, or with which latents that were loaded.
 *
 * @param {import("../app.js").App} app
 * @param {import("../player.js").Player} player
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function latentPanel(app, player) {
  const seed = numberBox({ label: "Seed", min: 0, max: 2 ** 32 - 1, value: 0, help: "Nearest seed; i + 100 * j at lattice point i, j" }, (value) => app.goToSeed(value));
  seed.classList.add("grow");
  const x = numberBox({ label: "x", min: 0, max: 1e6, step: 0.01, value: 0, standard: 0, help: "Place in the plane, in seeds" }, (value) => app.store.set(legalPlace(value, app.now.y)));
  const y = numberBox({ label: "y", min: 0, max: 4e7, step: 0.01, value: 0, standard: 0, help: "Place in the plane, in rows of 100 seeds" }, (value) => app.store.set(legalPlace(app.now.x, value)));
  const snap = iconButton("snap", "Snap to the nearest seed", () => app.store.set(snapped(app.now.x, app.now.y)), { key: "S", className: "quiet icon tiny" });
  const dice = iconButton("dice", "Random seed", () => app.randomSeed(), { key: "R", className: "quiet icon tiny" });
  const anim = button("Anim", () => player.walk(), { icon: "play", className: "tiny", title: "Walk through the plane (Space)" });
  anim.setAttribute("aria-keyshortcuts", "Space");
  const speed = slider({ label: "Speed", min: -4, max: 4, step: 0.1, value: app.session.speed, standard: 0.5, help: "Of Anim, in seeds per second", compact: true }, (value) => {
    app.session.speed = value;
  });
  speed.classList.add("grow", "speed");

  const from = h("span", { class: "small grow" });
  const share = slider({ label: "Share of the plane", min: 0, max: 1, step: 0.01, value: 0, help: "0 shows the loaded latents alone, 1 the plane of seeds alone" }, (value, done) => {
    app.store.move("share", { share: value });
    if (done) app.store.rest();
  });
  const base = h("div", { class: "notice" },
    h("div", { class: "row" }, from, button("Back to the plane", () => app.store.set({ base: "", latents: null, share: 0 }), { className: "tiny" })),
    share);

  app.bind((now) => {
    seed.value = seedAt(Math.round(now.x), Math.round(now.y));
    x.value = now.x;
    y.value = now.y;
    snap.disabled = Number.isInteger(now.x) && Number.isInteger(now.y);
    base.hidden = now.base === "";
    share.value = now.share;
    const file = now.latents === null ? undefined : app.session.files.get(now.latents);
    const row = /^@(\d+):1$/.exec(now.base)?.[1];
    from.textContent = row === undefined ? `Blend ${now.base}` : file?.count === 1 ? file.name : `Row ${row} of ${file?.name ?? "loaded latents"}`;
  }, ["x", "y", "base", "latents", "share"]);

  const element = panel("Latent", { actions: [copyPanel(app), resetPanel(app, "latent", ["x", "y", "base", "latents", "share"])] },
    base,
    h("div", { class: "row" }, seed, dice, snap),
    pad(app),
    h("div", { class: "row two" }, x, y),
    h("div", { class: "row" }, anim, speed));
  return {
    element,
    update() {
      anim.setAttribute("aria-pressed", String(player.walking));
    },
  };
}

