import { h } from "../dom.js";

/** `<sg-drop>`: takes files that are dropped on it or chosen. Sends `files` with `detail` a `File[]`. */
export class Drop extends HTMLElement {
  #input = h("input", { type: "file", hidden: true, "aria-hidden": "true" });
  #button = h("button", { type: "button", onclick: () => this.#input.click() });

  constructor() {
    super();
    this.#input.addEventListener("change", (event) => {
      event.stopPropagation();
      this.#send([...(this.#input.files ?? [])]);
      this.#input.value = "";
    });
    this.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.toggleAttribute("over", true);
    });
    this.addEventListener("dragleave", () => this.removeAttribute("over"));
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.removeAttribute("over");
      document.dispatchEvent(new Event("studio:dropped"));
      this.#send([...(event.dataTransfer?.files ?? [])]);
    });
  }

  connectedCallback() {
    if (!this.firstChild) this.append(this.#button, this.#input);
  }

  /** @param {{label: string, accept?: string, multiple?: boolean, small?: boolean, title?: string}} options `small` looks like a button */
  set options({ label, accept = "", multiple = false, small = false, title = "" }) {
    this.toggleAttribute("small", small);
    this.#button.title = title;
    this.#button.textContent = label;
    this.#input.accept = accept;
    this.#input.multiple = multiple;
  }

  /** @param {File[]} files */
  #send(files) {
    if (files.length) this.dispatchEvent(new CustomEvent("files", { detail: files, bubbles: true }));
  }
}

customElements.define("sg-drop", Drop);

/**
 * @param {{label: string, accept?: string, multiple?: boolean, small?: boolean, title?: string}} options
 * @param {(files: File[]) => void} taken
 */
export function drop(options, taken) {
  const element = new Drop();
  element.options = options;
  element.addEventListener("files", (event) => taken(/** @type {CustomEvent<File[]>} */ (event).detail));
  return element;
}
