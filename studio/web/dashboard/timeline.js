/** The place in time that all plots and the slider show together. */

/** Emits `hover` when the place under the pointer changed. */
export class Timeline extends EventTarget {
  /** Time of the pointer on the x axis, in its unit; null when it is on no plot. @type {number | null} */
  hover = null;

  /** @param {number | null} x */
  point(x) {
    if (x === this.hover) return;
    this.hover = x;
    this.dispatchEvent(new Event("hover"));
  }
}
