import { h } from "../dom.js";
import { isAbort, sentences } from "../api.js";
import { iconButton } from "./button.js";

/** @type {HTMLElement | null} */
let region = null;

function toasts() {
  if (!region) {
    region = h("div", { class: "toasts", role: "status", "aria-live": "polite", "aria-label": "Messages" });
    document.body.append(region);
  }
  return region;
}

/**
 * Says something for a few seconds, or until it is closed.
 *
 * @param {string} text
 * @param {{kind?: "info" | "warning" | "danger", hint?: string | null, code?: string, action?: {label: string, run: () => void}, seconds?: number}} [options] `seconds` 0 stays
 */
export function toast(text, { kind = "info", hint = null, code = "", action, seconds = kind === "danger" ? 12 : 5 } = {}) {
  const element = h("div", { class: `toast ${kind}` },
    h("div", { class: "grow" },
      h("div", null, text),
      hint ? h("div", { class: "hint" }, hint) : null,
      code ? h("code", { tabIndex: 0 }, code) : null),
    action ? h("button", { type: "button", class: "tiny", onclick: () => { element.remove(); action.run(); } }, action.label) : null,
    iconButton("close", "Close message", () => element.remove(), { className: "quiet icon tiny" }));
  toasts().append(element);
  while (toasts().childElementCount > 4) toasts().firstElementChild?.remove();
  if (seconds > 0) setTimeout(() => element.remove(), seconds * 1000);
}

/**
 * Says what went wrong; an abort is silent.
 *
 * @param {unknown} error
 */
export function toastError(error) {
  if (isAbort(error)) return;
  const { error: text, causes, hint } = sentences(error);
  toast([text, ...causes].join(": "), { kind: "danger", hint });
}
