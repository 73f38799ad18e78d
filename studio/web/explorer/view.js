import { isAbort, picture } from "../api.js";
import { Pace } from "./pace.js";

/**
 * @typedef {import("../types.js").Draw} Draw
 * @typedef {import("../types.js").Model} Model
 * @typedef {{model: Model, draw: Draw, moving: boolean}} Wish
 * @typedef {{blob: Blob, bitmap: ImageBitmap, coarser: number, wish: Wish}} Shown
 */

/** The full picture is asked for once the hand has rested this long. */
const REST_MS = 150;

/**
 * Pictures for one canvas. One request is under way, or two where pictures are quick, and the newest wish is the next, so that a drag never
 * queues old frames; while the hand moves and the full picture is slow, a coarser one is asked for.
 */
export class View {
  pace = new Pace();
  /** @type {Wish | null} */
  #next = null;
  /** @type {Set<{abort: AbortController, coarser: number}>} */
  #flights = new Set();
  #timer = 0;
  #model = -1;
  #asked = 0;
  #shown = 0;

  /**
   * @param {object} told
   * @param {(shown: Shown) => void} told.shown
   * @param {(error: unknown) => void} told.failed
   */
  constructor({ shown, failed }) {
    this.shown = shown;
    this.failed = failed;
  }

  /** @param {Wish} wish */
  want(wish) {
    clearTimeout(this.#timer);
    if (wish.model.model !== this.#model) {
      this.#model = wish.model.model;
      this.pace.forget();
    }
    this.#next = wish;
    if (wish.moving && this.pace.level(wish.model.coarser) > 0) {
      // A slow full picture would hold up the drag.
      for (const { abort, coarser } of this.#flights) if (coarser === 0) abort.abort();
    }
    void this.#pump();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#next = null;
    for (const { abort } of this.#flights) abort.abort();
  }

  async #pump() {
    const wish = this.#next;
    if (!wish || this.#flights.size >= (wish.moving ? this.pace.atOnce : 1)) return;
    this.#next = null;
    const coarser = wish.moving ? this.pace.level(wish.model.coarser) : 0;
    const flight = { abort: new AbortController(), coarser };
    this.#flights.add(flight);
    this.#asked += 1;
    const number = this.#asked;
    /** @type {Blob} */
    let blob;
    try {
      const answer = await picture(wish.model.model, wish.draw, coarser, flight.abort.signal);
      this.pace.add(coarser, answer.drawMs, answer.roundTripMs);
      blob = answer.blob;
    } catch (error) {
      if (!isAbort(error)) this.failed(error);
      return;
    } finally {
      this.#flights.delete(flight);
      // The server draws the next one while this one is decoded.
      void this.#pump();
    }
    await this.#show({ blob, coarser, wish }, number);
  }

  /**
   * @param {Omit<Shown, "bitmap">} shown
   * @param {number} number
   */
  async #show({ blob, coarser, wish }, number) {
    try {
      const bitmap = await createImageBitmap(blob);
      if (number < this.#shown) {
        bitmap.close();
        return;
      }
      this.#shown = number;
      this.shown({ blob, bitmap, coarser, wish });
    } catch (error) {
      this.failed(error);
    }
    if (coarser > 0 && !this.#next && this.#flights.size === 0) this.#timer = setTimeout(() => this.want({ ...wish, moving: false }), REST_MS);
  }
}
