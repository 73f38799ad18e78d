import { h, newId } from "../dom.js";
import { iconButton } from "./button.js";

/**
 * Opens a dialog; Escape and a press beside it close it. The focus goes back to where it was.
 *
 * @param {string} title
 * @param {import("../dom.js").Child[]} body
 * @param {{foot?: (Node | null)[], wide?: boolean, closed?: () => void}} [options]
 */
export function openDialog(title, body, { foot = [], wide = false, closed } = {}) {
  const id = newId("dialog");
  const before = document.activeElement;
  const dialog = h("dialog", { class: wide ? "wide" : "", "aria-labelledby": id },
    h("div", { class: "dialog-head" }, h("h2", { id }, title), iconButton("close", "Close", () => dialog.close())),
    h("div", { class: "dialog-body stack" }, ...body),
    foot.length ? h("div", { class: "dialog-foot" }, ...foot) : null);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement) before.focus();
    closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector(".dialog-foot .primary"))?.focus();
  return dialog;
}

/**
 * Asks before something that cannot be undone.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} action label of the button that does it
 * @returns {Promise<boolean>}
 */
export function confirmDialog(title, text, action) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = openDialog(title, [h("p", null, text)], {
      foot: [
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { type: "button", class: "primary", onclick: () => { answer = true; dialog.close(); } }, action),
      ],
      closed: () => resolve(answer),
    });
  });
}
