import { h, newId } from "../dom.js";

/**
 * @template {string} T
 * @typedef {{value: T, label: string, title?: string}} Segment
 */

/** `<sg-segmented>`: one of a few, as radio buttons beside each other. Sends `change`; `value` is the chosen one, or "" for none. */
export class Segmented extends HTMLElement {
  /** @type {HTMLInputElement[]} */
  #inputs = [];
  #value = "";

  constructor() {
    super();
    this.addEventListener("change", (event) => {
      if (event.target === this || !(event.target instanceof HTMLInputElement)) return;
      event.stopPropagation();
      this.#value = event.target.value;
      this.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  connectedCallback() {
    this.setAttribute("role", "radiogroup");
  }

  /** @param {{label: string, segments: Segment<string>[], value: string}} options */
  set options({ label, segments, value }) {
    this.setAttribute("aria-label", label);
    const name = newId("segmented");
    this.#inputs = segments.map((segment) => h("input", { type: "radio", name, value: segment.value }));
    this.replaceChildren(...segments.map((segment, at) => h("label", { title: segment.title ?? "" }, this.#inputs[at], segment.label)));
    this.value = value;
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    for (const input of this.#inputs) input.checked = input.value === value;
  }
}

customElements.define("sg-segmented", Segmented);

/**
 * @template {string} T
 * @param {string} label
 * @param {Segment<T>[]} segments
 * @param {T | ""} value
 * @param {(value: T) => void} changed
 */
export function segmented(label, segments, value, changed) {
  const element = new Segmented();
  element.options = { label, segments, value };
  element.addEventListener("change", () => changed(/** @type {T} */ (element.value)));
  return element;
}
