import * as api from "../api.js";
import { toast } from "../components/toast.js";
import { STANDARD, sameValue } from "./controls.js";
import { toDraw } from "./draws.js";
import { legalPlace, placeOf } from "./plane.js";

/**
 * @typedef {import("./controls.js").Controls} Controls
 * @typedef {import("../types.js").Model} Model
 * @typedef {import("../types.js").ModelEntry} ModelEntry
 */

/** The share that the plane gets when somebody walks in it from a picture that has none of it. */
const FIRST_SHARE = 0.25;

/**
 * What all parts of the Explorer share: the controls, the networks, and the network that is shown.
 */
export class App {
  /** @type {ModelEntry[]} */
  models = [];
  /** @type {Model | null} */
  model = null;
  /** Whether the picture moves by itself. */
  playing = false;
  /** @type {Map<number, Model>} */
  #facts = new Map();
  /** @type {Map<(now: Controls, before: Controls) => void, (keyof Controls)[]>} */
  #bound = new Map();
  /** @type {Set<() => void>} */
  #onModel = new Set();
  /** @type {(() => void)[]} */
  #ends = [];
  #asked = -1;

  /**
   * @param {import("./session.js").Session} session
   * @param {(error: unknown) => void} failed draws an error in the place of the picture
   */
  constructor(session, failed) {
    this.session = session;
    this.store = session.store;
    this.failed = failed;
    this.#ends.push(this.store.subscribe((now, before) => {
      if (now.model !== before.model) void this.#load();
      for (const [update, keys] of this.#bound) {
        // A drag changes x and y sixty times a second, and what writes to the page without need has it laid out anew.
        if (keys.length === 0 || keys.some((key) => !sameValue(now[key], before[key]))) update(now, before);
      }
    }));
  }

  get now() {
    return this.store.now;
  }

  /** The picture that the controls ask for; null before a network is there. */
  get draw() {
    return this.model ? toDraw(this.now, this.model) : null;
  }

  get moving() {
    return this.playing || this.store.moving;
  }

  /**
   * Calls `update` now, after each change of the network, and of these controls, or of any if none are named.
   *
   * @param {(now: Controls, before: Controls) => void} update
   * @param {(keyof Controls)[]} [keys]
   */
  bind(update, keys = []) {
    this.#bound.set(update, keys);
    update(this.now, this.now);
  }

  /** @param {() => void} changed called when another network is there */
  onModel(changed) {
    this.#onModel.add(changed);
    if (this.model) changed();
  }

  /** @param {() => void} end called when the page goes */
  onEnd(end) {
    this.#ends.push(end);
  }

  end() {
    for (const end of this.#ends) end();
    this.#bound.clear();
    this.#onModel.clear();
  }

  /** Asks which networks there are, and takes the first one if none is chosen, or one that is gone. */
  async start() {
    try {
      this.models = await api.models();
    } catch (error) {
      this.failed(error);
      return;
    }
    const first = this.models[0];
    const isKnown = this.models.some((entry) => entry.model === this.now.model);
    if (first && !isKnown) {
      if (this.now.model !== null) toast("The network of this address is not here any more", { kind: "warning", hint: `${first.name} is shown in its place` });
      this.store.put({ model: first.model });
    } else if (!first) this.failed(new api.ApiError("the server has no network to draw from", { status: 404, hint: "drop a checkpoint on this page, or start `stylegan studio` with a run, a file or a folder" }));
    this.#changed();
    await this.#load();
  }

  /** @param {Model} model one that the server has just taken */
  add(model) {
    this.#facts.set(model.model, model);
    const { name, kind, run, kimg } = model;
    if (!this.models.some((entry) => entry.model === model.model)) this.models.push({ model: model.model, name, kind, run, kimg });
    this.store.set({ model: model.model, ...this.#fitting(model) });
  }

  async #load() {
    const id = this.now.model;
    if (id === null || id === this.model?.model || id === this.#asked) return;
    this.#asked = id;
    try {
      const model = this.#facts.get(id) ?? await api.model(id);
      this.#facts.set(id, model);
      if (this.now.model !== id) return;
      this.model = model;
      this.store.put(this.#fitting(model));
      this.#changed();
    } catch (error) {
      if (this.now.model === id) this.failed(error);
    } finally {
      if (this.#asked === id) this.#asked = -1;
    }
  }

  /**
   * What of the controls another network cannot have.
   *
   * @param {Model} model
   * @returns {Partial<Controls>}
   */
  #fitting(model) {
    const { now } = this;
    return {
      mixLayers: now.mixLayers.filter((layer) => layer < model.num_layers),
      cutoff: now.cutoff !== null && now.cutoff > model.num_layers ? null : now.cutoff,
      layer: Math.min(now.layer, model.num_layers - 1),
    };
  }

  #changed() {
    for (const changed of this.#onModel) changed();
    for (const update of this.#bound.keys()) update(this.now, this.now);
  }

  /**
   * The line to type for what is shown.
   *
   * @param {{draw: import("../types.js").Draw} | {mix: object} | {grid: object} | {film: object}} [what]
   */
  async command(what) {
    if (!this.model) throw new Error("no network is open");
    return api.command(this.model.model, what ?? { draw: toDraw(this.now, this.model) });
  }

  /**
   * A step in the plane.
   *
   * @param {number} x how far
   * @param {number} y
   * @returns {Partial<Controls>}
   */
  step(x, y) {
    return { ...legalPlace(this.now.x + x, this.now.y + y), ...this.withPlane() };
  }

  /**
   * Somebody walks in the plane, so it must have a share.
   *
   * @returns {Partial<Controls>}
   */
  withPlane() {
    if (!this.now.base || this.now.share > 0) return {};
    toast("The plane of seeds now has a share of 25 %", { hint: "Latent, Share of the plane" });
    return { share: FIRST_SHARE };
  }

  /** @param {number} seed */
  goToSeed(seed) {
    this.store.set({ ...placeOf(seed), base: "", latents: null, share: 0 });
  }

  randomSeed() {
    this.goToSeed(Math.floor(Math.random() * 10_000));
  }

  /** @param {(keyof Controls)[]} keys */
  isStandard(keys) {
    return keys.every((key) => sameValue(this.now[key], STANDARD[key]));
  }

  /** @param {(keyof Controls)[]} keys */
  reset(keys) {
    this.store.set(Object.fromEntries(keys.map((key) => [key, STANDARD[key]])));
  }
}
