import { h } from "../dom.js";
import { iconButton } from "./button.js";

/**
 * @typedef {object} NumberOptions
 * @property {string} label
 * @property {number} min
 * @property {number} max
 * @property {number} [step] whole numbers if left out
 * @property {number} value
 * @property {number} [standard] adds a Reset to this value
 * @property {string} [help]
 */

/** `<sg-number>`: a labeled number box, with a Reset if it has a standard value. Sends `change`. */
export class NumberBox extends HTMLElement {
  #box = h("input", { type: "number" });
  #text = h("span");
  #reset = iconButton("reset", "Reset", () => this.#commit(this.#standard), { className: "quiet icon tiny" });
  #value = 0;
  #standard = NaN;

  constructor() {
    super();
    this.#box.addEventListener("input", (event) => event.stopPropagation());
    this.#box.addEventListener("change", (event) => {
      event.stopPropagation();
      const typed = this.#box.valueAsNumber;
      this.#commit(Number.isFinite(typed) ? this.#legal(typed) : this.#value);
    });
  }

  connectedCallback() {
    if (!this.firstChild) this.append(h("label", null, this.#text, this.#box), ...(Number.isNaN(this.#standard) ? [] : [this.#reset]));
  }

  /** @param {NumberOptions} options */
  set options({ label, min, max, step = 1, value, standard = NaN, help = "" }) {
    this.#text.textContent = label;
    this.#reset.setAttribute("aria-label", `Reset ${label}`);
    Object.assign(this.#box, { min: String(min), max: String(max), step: String(step) });
    this.title = help;
    this.#standard = standard;
    this.value = value;
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    this.#box.value = String(value);
    this.#reset.disabled = value === this.#standard;
  }

  set disabled(/** @type {boolean} */ disabled) {
    this.#box.disabled = disabled;
  }

  /** @param {number} value */
  #legal(value) {
    const step = Number(this.#box.step);
    const whole = step === 1 ? Math.round(value) : value;
    return Math.min(Number(this.#box.max), Math.max(Number(this.#box.min), whole));
  }

  /** @param {number} value */
  #commit(value) {
    this.value = value;
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

customElements.define("sg-number", NumberBox);

/**
 * @param {NumberOptions} options
 * @param {(value: number) => void} changed
 */
export function numberBox(options, changed) {
  const element = new NumberBox();
  element.options = options;
  element.addEventListener("change", () => changed(element.value));
  return element;
}
