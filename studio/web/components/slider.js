import { h, newId } from "../dom.js";
import { iconButton } from "./button.js";

/**
 * @typedef {object} SliderOptions
 * @property {string} label
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} value
 * @property {number} [standard] what Reset goes back to; `value` if left out
 * @property {string} [unit]
 * @property {string} [help] a sentence with the unit, shown as tooltip
 * @property {boolean} [compact] all on one line
 * @property {boolean} [beyond] whether the number box takes values outside min..max
 */

/**
 * `<sg-slider>`: a range with a number box and a Reset that is gray while the value is the standard one.
 * Sends `input` while it moves and `change` when the hand lets go; `value` is the number.
 */
export class Slider extends HTMLElement {
  #range = h("input", { type: "range" });
  #box = h("input", { type: "number" });
  #label = h("label");
  #reset = iconButton("reset", "Reset", () => this.#commit(this.#standard), { className: "quiet icon tiny" });
  #value = 0;
  #standard = 0;
  #beyond = false;

  constructor() {
    super();
    this.#range.addEventListener("input", (event) => this.#moved(event, Number(this.#range.value), "input"));
    this.#range.addEventListener("change", (event) => this.#moved(event, Number(this.#range.value), "change"));
    this.#range.addEventListener("dblclick", () => this.#commit(this.#standard));
    this.#box.addEventListener("input", (event) => event.stopPropagation());
    this.#box.addEventListener("change", (event) => this.#moved(event, this.#legal(this.#box.valueAsNumber), "change"));
  }

  connectedCallback() {
    if (!this.firstChild) this.append(this.#label, this.#range, this.#box, this.#reset);
  }

  /** @param {SliderOptions} options */
  set options({ label, min, max, step, value, standard = value, unit = "", help = "", compact = false, beyond = false }) {
    const id = newId("slider");
    for (const input of [this.#range, this.#box]) {
      input.step = String(step);
      if (input === this.#range || !beyond) {
        input.min = String(min);
        input.max = String(max);
      }
    }
    this.#box.step = beyond ? "any" : String(step);
    this.#beyond = beyond;
    this.#range.id = id;
    this.#label.htmlFor = id;
    this.#label.replaceChildren(label, ...(unit ? [h("span", null, unit)] : []));
    this.#box.setAttribute("aria-label", `${label}, number`);
    this.#reset.setAttribute("aria-label", `Reset ${label}`);
    this.title = help;
    this.toggleAttribute("compact", compact);
    this.#standard = standard;
    this.value = value;
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    const text = String(Number(value.toFixed(6)));
    this.#range.value = text;
    if (document.activeElement !== this.#box || this.#box.valueAsNumber !== value) this.#box.value = text;
    const { min, max } = this.#range;
    const share = (Number(this.#range.value) - Number(min)) / (Number(max) - Number(min) || 1);
    // A range that goes below 0 is filled from there.
    const zero = Number(min) < 0 ? -Number(min) / (Number(max) - Number(min)) : 0;
    this.#range.style.setProperty("--from", `${Math.min(zero, share) * 100}%`);
    this.#range.style.setProperty("--fill", `${Math.max(zero, share) * 100}%`);
    this.#reset.disabled = value === this.#standard;
  }

  set disabled(/** @type {boolean} */ disabled) {
    this.#range.disabled = disabled;
    this.#box.disabled = disabled;
  }

  /** @param {number} value */
  #legal(value) {
    if (!Number.isFinite(value)) return this.#value;
    return this.#beyond ? value : Math.min(Number(this.#range.max), Math.max(Number(this.#range.min), value));
  }

  /**
   * @param {Event} event
   * @param {number} value
   * @param {"input" | "change"} type
   */
  #moved(event, value, type) {
    event.stopPropagation();
    this.value = value;
    this.dispatchEvent(new Event(type, { bubbles: true }));
  }

  /** @param {number} value */
  #commit(value) {
    this.value = value;
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

customElements.define("sg-slider", Slider);

/**
 * @param {SliderOptions} options
 * @param {(value: number, done: boolean) => void} moved `done` is false while the hand is on it
 */
export function slider(options, moved) {
  const element = new Slider();
  element.options = options;
  element.addEventListener("input", () => moved(element.value, false));
  element.addEventListener("change", () => moved(element.value, true));
  return element;
}
