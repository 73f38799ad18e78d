import { iconButton } from "../components/button.js";
import { copyCommand } from "../components/copy.js";
import { tabs } from "../components/tabs.js";
import { toast } from "../components/toast.js";
import { h, saveBlob } from "../dom.js";
import { readAddress, writeAddress } from "./address.js";
import { App } from "./app.js";
import { LOOK_KEYS, STANDARD } from "./controls.js";
import { listenToKeys } from "./keyboard.js";
import { openFiles } from "./opening.js";
import { directionsPanel } from "./panels/directions.js";
import { labelPanel } from "./panels/label.js";
import { latentPanel } from "./panels/latent.js";
import { mixingPanel } from "./panels/mixing.js";
import { modelPanel } from "./panels/model.js";
import { nextNoise, noisePanel } from "./panels/noise.js";
import { truncationPanel } from "./panels/truncation.js";
import { snapped } from "./plane.js";
import { Player } from "./player.js";
import { session } from "./session.js";
import { historyStrip } from "./strips/history.js";
import { keyframeStrip } from "./strips/keyframes.js";
import { gridTab } from "./tabs/grid.js";
import { layersTab } from "./tabs/layers.js";
import { mixTab } from "./tabs/mix.js";
import { photoTab } from "./tabs/photo.js";
import { pictureTab } from "./tabs/picture.js";

/** @typedef {import("./controls.js").Tab} Tab */

const ADDRESS_MS = 250;

/**
 * The Explorer: controls on the left, the picture on the right, keyframes and history below.
 *
 * @param {HTMLElement} root
 * @param {URLSearchParams} params
 * @returns {() => void} takes it down
 */
export function mountExplorer(root, params) {
  restore(params);
  const app = new App(session, (error) => picture.failed(error));
  const { store } = app;
  const picture = pictureTab(app);
  const photo = photoTab(app);
  const player = new Player(app, () => {
    latent.update();
    noise.update();
  });
  const openPhoto = (/** @type {File} */ file) => {
    show("photo");
    void photo.open(file);
  };
  const open = (/** @type {File[]} */ files) => void openFiles(app, files, openPhoto);
  const latent = latentPanel(app, player);
  const noise = noisePanel(app, player);
  const keyframes = keyframeStrip(app, picture);

  const pages = /** @type {{value: Tab, label: string, panel: HTMLElement}[]} */ ([
    { value: "picture", label: "Picture", panel: picture.element },
    { value: "grid", label: "Grid", panel: gridTab(app) },
    { value: "mix", label: "Mix", panel: mixTab(app) },
    { value: "layers", label: "Layers", panel: layersTab(app) },
    { value: "photo", label: "Photo", panel: photo.element },
  ]);
  const tabRow = tabs("Views", pages, app.now.tab, show);
  const undo = iconButton("undo", "Undo", () => void store.undo(), { key: "Ctrl+Z" });
  const redo = iconButton("redo", "Redo", () => void store.redo(), { key: "Ctrl+Shift+Z" });
  const resetAll = iconButton("reset", "Reset all controls", () => app.reset([...LOOK_KEYS]), { key: "0" });
  const save = iconButton("download", "Save PNG, with its recipe", savePng, { key: "D" });
  const copy = copyCommand(() => app.command(), { small: true });

  const layout = h("div", { class: "explorer" },
    h("h1", { class: "visually-hidden" }, "Explorer"),
    h("aside", { class: "controls scroll", "aria-label": "Controls", tabIndex: -1 },
      modelPanel(app, open), latent.element, truncationPanel(app), noise.element, mixingPanel(app), labelPanel(app), directionsPanel(app)),
    h("section", { class: "stage", "aria-label": "Pictures" },
      h("div", { class: "stage-head" }, tabRow.element, h("span", { class: "end row tight" }, undo, redo, resetAll, copy, save)),
      ...pages.map((page) => page.panel)),
    h("div", { class: "strips" }, keyframes.element, historyStrip(app, picture)));
  root.replaceChildren(layout);

  /** @param {Tab} tab */
  function show(tab) {
    keyframes.preview.stop();
    if (tab !== "picture") player.stop();
    store.put({ tab });
    // On a phone, everything lies below the pictures.
    layout.scrollTop = 0;
  }

  function savePng() {
    const { png } = picture;
    if (png) saveBlob(png.blob, png.name);
    else toast("The picture is still being drawn", { kind: "warning" });
  }

  let addressTimer = 0;
  function writeUrl() {
    const query = [writeAddress(app.now), ...session.keyframes.frames.map((frame) => `key=${encodeURIComponent(writeAddress(frame.controls, ["model", "tab"]))}`)].filter(Boolean).join("&");
    const hash = `#/explore${query ? `?${query}` : ""}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
  }
  function writeUrlSoon() {
    clearTimeout(addressTimer);
    addressTimer = setTimeout(writeUrl, ADDRESS_MS);
  }
  session.keyframes.addEventListener("change", writeUrlSoon);

  app.bind((now) => {
    tabRow.show(now.tab);
    layout.dataset.tab = now.tab;
  }, ["tab"]);
  app.bind(() => {
    undo.disabled = !store.canUndo;
    redo.disabled = !store.canRedo;
    resetAll.disabled = app.isStandard([...LOOK_KEYS]);
    writeUrlSoon();
  });

  const walk = (/** @type {number} */ x, /** @type {number} */ y) => (/** @type {KeyboardEvent} */ event) => {
    if (app.now.tab !== "picture") return;
    const far = event.shiftKey ? 1 : 0.1;
    const next = app.step(x * far, y * far);
    // With Shift, from seed to seed.
    store.move("arrows", event.shiftKey && next.x !== undefined && next.y !== undefined ? { ...next, ...snapped(next.x, next.y) } : next);
    clearTimeout(arrowsTimer);
    arrowsTimer = setTimeout(() => store.rest(), 400);
  };
  let arrowsTimer = 0;
  const psi = (/** @type {number} */ by) => () => {
    store.move("psi-keys", { psi: Math.round((app.now.psi + by) * 100) / 100 });
    clearTimeout(arrowsTimer);
    arrowsTimer = setTimeout(() => store.rest(), 400);
  };
  const endKeys = listenToKeys("Explorer", [
    { key: "arrowleft", shown: "Arrows", does: "Walk in the plane", run: walk(-1, 0) },
    { key: "arrowright", shown: "", does: "", run: walk(1, 0) },
    { key: "arrowup", shown: "", does: "", run: walk(0, -1) },
    { key: "arrowdown", shown: "Shift+Arrows", does: "To the next seed", run: walk(0, 1) },
    { key: "s", shown: "S", does: "Snap to the nearest seed", run: () => store.set(snapped(app.now.x, app.now.y)) },
    { key: "r", shown: "R", does: "Random seed", run: () => app.randomSeed() },
    { key: " ", shown: "Space", does: "Anim on and off", run: () => {
      if (app.now.tab === "picture") player.walk();
    } },
    { key: "n", shown: "N", does: "Next noise mode", run: () => store.set({ noise: nextNoise(app.now.noise) }) },
    { key: "[", shown: "[ ]", does: "Psi down and up by 0.05", run: psi(-0.05) },
    { key: "]", shown: "", does: "", run: psi(0.05) },
    { key: "0", shown: "0", does: "Reset all controls", run: () => app.reset([...LOOK_KEYS]) },
    { key: "i", shown: "I G M L F", does: "Picture, Grid, Mix, Layers, Photo", run: () => show("picture") },
    { key: "g", shown: "", does: "", run: () => show("grid") },
    { key: "m", shown: "", does: "", run: () => show("mix") },
    { key: "l", shown: "", does: "", run: () => show("layers") },
    { key: "f", shown: "", does: "", run: () => show("photo") },
    { key: "k", shown: "K", does: "Add a keyframe", run: () => keyframes.addFrame() },
    { key: "p", shown: "P", does: "Preview the keyframes", run: () => keyframes.preview.toggle() },
    { key: "e", shown: "E", does: "Export the film…", run: () => keyframes.openExport() },
    { key: "x", shown: "X", does: "Compare with the chosen picture of the history", run: () => picture.compare(picture.comparing ? null : session.history.current) },
    { key: "d", shown: "D", does: "Save PNG", run: savePng },
    { key: "c", shown: "C", does: "Copy command", run: () => copy.querySelector("button")?.click() },
    { key: "z", shown: "Ctrl+Z", does: "Undo", command: true, shift: false, run: () => void store.undo() },
    { key: "z", shown: "Ctrl+Shift+Z", does: "Redo", command: true, shift: true, run: () => void store.redo() },
    { key: "y", shown: "", does: "", command: true, run: () => void store.redo() },
  ]);
  const endDrops = takeDrops(layout, open);

  void app.start();
  return () => {
    player.stop();
    store.rest();
    endKeys();
    endDrops();
    session.keyframes.removeEventListener("change", writeUrlSoon);
    clearTimeout(addressTimer);
    clearTimeout(arrowsTimer);
    app.end();
  };
}

/**
 * The state that the URL names; without any, the one that was left.
 *
 * @param {URLSearchParams} params
 */
function restore(params) {
  if ([...params.keys()].length === 0) return;
  session.store.put({ ...STANDARD, model: session.store.now.model, ...readAddress(params) });
  const frames = params.getAll("key").map((text) => ({ ...STANDARD, ...readAddress(new URLSearchParams(text)) }));
  if (frames.length) session.keyframes.replace(frames);
}

/**
 * Files dropped anywhere on the page.
 *
 * @param {HTMLElement} layout
 * @param {(files: File[]) => void} taken
 */
function takeDrops(layout, taken) {
  const veil = h("div", { class: "drop-veil", hidden: true }, "Drop a network, a picture, a photo or latents");
  layout.append(veil);
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const end = () => {
    depth = 0;
    veil.hidden = true;
  };
  const listeners = /** @type {[string, (event: DragEvent) => void][]} */ ([
    ["dragenter", (event) => {
      if (!hasFiles(event)) return;
      depth += 1;
      veil.hidden = false;
    }],
    ["dragleave", (event) => {
      if (!hasFiles(event)) return;
      depth -= 1;
      if (depth <= 0) end();
    }],
    ["dragover", (event) => {
      if (hasFiles(event)) event.preventDefault();
    }],
    ["drop", (event) => {
      end();
      if (!hasFiles(event)) return;
      event.preventDefault();
      taken([...(event.dataTransfer?.files ?? [])]);
    }],
    // A drop on a field of its own does not come here.
    ["studio:dropped", end],
  ]);
  for (const [name, listener] of listeners) document.addEventListener(name, /** @type {EventListener} */ (listener));
  return () => {
    for (const [name, listener] of listeners) document.removeEventListener(name, /** @type {EventListener} */ (listener));
  };
}
