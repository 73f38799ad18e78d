import { STANDARD, sameControls } from "./controls.js";

/** @typedef {import("./controls.js").Controls} Controls */

const MOST_STEPS = 200;

/**
 * The controls, with undo and redo. All changes between two calls of `rest` with the same gesture are one step.
 */
export class Store {
  /** @type {Controls} */
  #now = { ...STANDARD };
  /** @type {Controls[]} */
  #past = [];
  /** @type {Controls[]} */
  #future = [];
  /** @type {{name: string, before: Controls} | null} */
  #gesture = null;
  /** @type {Set<(now: Controls, before: Controls) => void>} */
  #listeners = new Set();

  get now() {
    return this.#now;
  }

  get canUndo() {
    return this.#past.length > 0 || this.#gesture !== null;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Whether a hand is on a control, or the picture moves by itself. */
  get moving() {
    return this.#gesture !== null;
  }

  /**
   * @param {(now: Controls, before: Controls) => void} listener
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * A change that is done at once.
   *
   * @param {Partial<Controls>} patch
   */
  set(patch) {
    this.rest();
    if (sameControls(this.#now, { ...this.#now, ...patch })) return;
    this.#remember(this.#now);
    this.#apply({ ...this.#now, ...patch });
  }

  /**
   * A change in the middle of a gesture, such as a drag; `rest` ends it.
   *
   * @param {string} gesture
   * @param {Partial<Controls>} patch
   */
  move(gesture, patch) {
    if (this.#gesture?.name !== gesture) {
      this.rest();
      this.#gesture = { name: gesture, before: this.#now };
    }
    this.#apply({ ...this.#now, ...patch });
  }

  /**
   * A change that is no step of its own: the tab, what the server answered.
   *
   * @param {Partial<Controls>} patch
   */
  put(patch) {
    this.#apply({ ...this.#now, ...patch });
  }

  /** The hand has let go. */
  rest() {
    const gesture = this.#gesture;
    if (!gesture) return;
    this.#gesture = null;
    if (!sameControls(gesture.before, this.#now)) this.#remember(gesture.before);
    this.#apply(this.#now);
  }

  /** What moves by itself from here on, by `put`, is one step. */
  mark() {
    this.rest();
    this.#remember(this.#now);
  }

  undo() {
    this.rest();
    const before = this.#past.pop();
    if (!before) return false;
    this.#future.push(this.#now);
    this.#apply({ ...before, tab: this.#now.tab });
    return true;
  }

  redo() {
    this.rest();
    const after = this.#future.pop();
    if (!after) return false;
    this.#past.push(this.#now);
    this.#apply({ ...after, tab: this.#now.tab });
    return true;
  }

  /** @param {Controls} before */
  #remember(before) {
    this.#past.push(before);
    if (this.#past.length > MOST_STEPS) this.#past.shift();
    this.#future = [];
  }

  /** @param {Controls} next */
  #apply(next) {
    const before = this.#now;
    this.#now = next;
    for (const listener of this.#listeners) listener(next, before);
  }
}
