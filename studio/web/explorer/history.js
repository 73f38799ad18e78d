import { sameLook } from "./controls.js";
import { thumbnail } from "./thumbnail.js";

/**
 * @typedef {object} Moment a picture at which the hand rested
 * @property {number} id
 * @property {import("./controls.js").Controls} controls
 * @property {Blob} blob the PNG, with its recipe
 * @property {string} url of `blob`
 * @property {string} thumb
 * @property {string} name
 * @property {boolean} pinned
 */

const MOST_MOMENTS = 80;
const MOST_BYTES = 96 * 2 ** 20;

/** The last pictures, newest first; pinned ones stay until they are removed. */
export class History extends EventTarget {
  /** @type {Moment[]} */
  moments = [];
  selected = -1;
  #last = 0;

  /**
   * @param {import("./controls.js").Controls} controls
   * @param {Blob} blob
   * @param {string} name
   */
  async add(controls, blob, name) {
    const same = this.moments.find((moment) => sameLook(moment.controls, controls));
    if (same) {
      this.select(same.id);
      return;
    }
    this.#last += 1;
    const id = this.#last;
    const thumb = await thumbnail(blob);
    this.moments.unshift({ id, controls, blob, url: URL.createObjectURL(blob), thumb, name, pinned: false });
    this.selected = id;
    this.#bound();
    this.#tell();
  }

  get current() {
    return this.moments.find((moment) => moment.id === this.selected) ?? null;
  }

  /** @param {number} id */
  select(id) {
    this.selected = id;
    this.#tell();
  }

  /** @param {Moment} moment */
  pin(moment) {
    moment.pinned = !moment.pinned;
    this.#tell();
  }

  /** @param {Moment} moment */
  remove(moment) {
    this.moments = this.moments.filter((other) => other !== moment);
    release(moment);
    this.#tell();
  }

  #bound() {
    let bytes = this.moments.reduce((sum, moment) => sum + moment.blob.size, 0);
    for (let at = this.moments.length - 1; at > 0 && (this.moments.length > MOST_MOMENTS || bytes > MOST_BYTES); at -= 1) {
      const moment = this.moments[at];
      if (!moment || moment.pinned) continue;
      bytes -= moment.blob.size;
      this.moments.splice(at, 1);
      release(moment);
    }
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {Moment} moment */
function release(moment) {
  URL.revokeObjectURL(moment.url);
  URL.revokeObjectURL(moment.thumb);
}
