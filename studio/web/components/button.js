import { h } from "../dom.js";
import { icon } from "./icon.js";

/**
 * A button that shows only an icon; `label` is its name and tooltip.
 *
 * @param {import("./icon.js").IconName} name
 * @param {string} label
 * @param {((event: MouseEvent) => void) | null} pressed
 * @param {{key?: string, className?: string}} [options] `key` is named in the tooltip
 */
export function iconButton(name, label, pressed, { key, className = "quiet icon" } = {}) {
  return h("button", { type: "button", class: className, title: key ? `${label} (${key})` : label, "aria-label": label, "aria-keyshortcuts": key && shortcut(key), onclick: pressed }, icon(name));
}

/**
 * As ARIA spells it.
 *
 * @param {string} key
 */
const shortcut = (key) => key.replace("Ctrl", "Control").replace(/(Left|Right)$/, "Arrow$1");

/**
 * @param {string} label
 * @param {((event: MouseEvent) => void) | null} pressed
 * @param {{icon?: import("./icon.js").IconName, className?: string, title?: string}} [options]
 */
export function button(label, pressed, { icon: name, className = "", title = "" } = {}) {
  return h("button", { type: "button", class: className, title, onclick: pressed }, name ? icon(name) : null, label);
}
