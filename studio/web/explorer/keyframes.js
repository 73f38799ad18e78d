/**
 * @typedef {object} Keyframe
 * @property {number} id
 * @property {import("./controls.js").Controls} controls
 * @property {string} thumb "" until its picture is drawn
 */

export const MOST_KEYFRAMES = 64;

/** Pictures that a film goes through, in order. */
export class Keyframes extends EventTarget {
  /** @type {Keyframe[]} */
  frames = [];
  selected = -1;
  #last = 0;

  /**
   * Behind the selected one, or at the end.
   *
   * @param {import("./controls.js").Controls} controls
   * @param {string} [thumb]
   */
  add(controls, thumb = "") {
    if (this.frames.length >= MOST_KEYFRAMES) return null;
    this.#last += 1;
    const frame = { id: this.#last, controls, thumb };
    const at = this.frames.findIndex((other) => other.id === this.selected);
    this.frames.splice(at < 0 ? this.frames.length : at + 1, 0, frame);
    this.selected = frame.id;
    this.#tell();
    return frame;
  }

  /** @param {import("./controls.js").Controls[]} all */
  replace(all) {
    this.frames = [];
    for (const controls of all.slice(0, MOST_KEYFRAMES)) {
      this.#last += 1;
      this.frames.push({ id: this.#last, controls, thumb: "" });
    }
    this.selected = -1;
    this.#tell();
  }

  get current() {
    return this.frames.find((frame) => frame.id === this.selected) ?? null;
  }

  /** @param {number} id */
  select(id) {
    this.selected = id;
    this.#tell();
  }

  /**
   * @param {Keyframe} frame
   * @param {string} thumb
   */
  setThumb(frame, thumb) {
    frame.thumb = thumb;
    this.#tell();
  }

  /**
   * @param {Keyframe} frame
   * @param {number} to its new place
   */
  move(frame, to) {
    const from = this.frames.indexOf(frame);
    const place = Math.min(Math.max(0, to), this.frames.length - 1);
    if (from < 0 || from === place) return;
    this.frames.splice(from, 1);
    this.frames.splice(place, 0, frame);
    this.#tell();
  }

  /** @param {Keyframe} frame */
  remove(frame) {
    const at = this.frames.indexOf(frame);
    this.frames = this.frames.filter((other) => other !== frame);
    if (frame.thumb) URL.revokeObjectURL(frame.thumb);
    this.selected = (this.frames[at] ?? this.frames[at - 1])?.id ?? -1;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
