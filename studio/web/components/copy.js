import { h } from "../dom.js";
import { openDialog } from "./dialog.js";
import { icon } from "./icon.js";
import { toast, toastError } from "./toast.js";

/**
 * Puts a text on the clipboard; where the browser forbids that, shows it to be taken by hand.
 *
 * @param {string} text
 * @param {string} said
 */
export async function copyText(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    toast(said, { code: text });
  } catch {
    openDialog("Copy this", [h("pre", { class: "command", tabIndex: 0 }, text)]);
  }
}

/** `<sg-copy>`: the button "Copy command" of a panel. `command` gives the text when it is pressed. */
export class CopyCommand extends HTMLElement {
  /** @type {() => string | Promise<string>} */
  command = () => "";

  connectedCallback() {
    if (this.firstChild) return;
    const small = this.hasAttribute("small");
    this.append(h("button", { type: "button", class: small ? "quiet icon tiny" : "", title: "Copy command", "aria-label": small ? "Copy command" : null, onclick: () => this.#copy() }, icon("copy"), small ? null : "Copy command"));
  }

  async #copy() {
    try {
      await copyText(await this.command(), "Command copied");
    } catch (error) {
      toastError(error);
    }
  }
}

customElements.define("sg-copy", CopyCommand);

/**
 * @param {() => string | Promise<string>} command
 * @param {{small?: boolean}} [options]
 */
export function copyCommand(command, { small = false } = {}) {
  const element = new CopyCommand();
  element.command = command;
  element.toggleAttribute("small", small);
  return element;
}
