import { h, newId } from "../dom.js";
import { keep, kept } from "../settings.js";
import { icon } from "./icon.js";

/**
 * `<sg-panel>`: a section that folds, with its actions in the head. Whether it is open is kept by its label.
 * `body` takes the content, `actions` the buttons.
 */
export class Panel extends HTMLElement {
  body = h("div", { class: "panel-body", id: newId("panel") });
  actions = h("div", { class: "row" });
  #button = h("button", { type: "button", "aria-controls": this.body.id, onclick: () => this.#toggle() });
  #key = "";

  connectedCallback() {
    if (!this.firstChild) this.append(h("header", null, h("h2", null, this.#button), this.actions), this.body);
  }

  /** @param {{label: string, open?: boolean}} options */
  set options({ label, open = true }) {
    this.#key = `panel.${label}`;
    this.#button.replaceChildren(icon("chevron"), label);
    const state = kept(this.#key);
    this.open = state === null ? open : state === "open";
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(open) {
    this.toggleAttribute("open", open);
    this.#button.setAttribute("aria-expanded", String(open));
  }

  #toggle() {
    this.open = !this.open;
    keep(this.#key, this.open ? "open" : "closed");
    this.dispatchEvent(new Event("toggle"));
  }
}

customElements.define("sg-panel", Panel);

/**
 * @param {string} label
 * @param {{open?: boolean, actions?: (Node | null)[]}} options
 * @param {...import("../dom.js").Child} children
 */
export function panel(label, { open, actions = [] }, ...children) {
  const element = new Panel();
  element.options = { label, open };
  for (const action of actions) if (action) element.actions.append(action);
  for (const child of children) if (child) element.body.append(child instanceof Node ? child : String(child));
  return element;
}
