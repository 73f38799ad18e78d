import { isTyping } from "../dom.js";
import { keysAreOn, registerKeys } from "../keys.js";

/**
 * @typedef {object} Action
 * @property {string} key as `KeyboardEvent.key`, in lower case
 * @property {string} shown as the keyboard map shows it
 * @property {string} does
 * @property {boolean} [command] with Ctrl or Cmd
 * @property {boolean} [shift] with Shift; either way if left out
 * @property {(event: KeyboardEvent) => void} run
 */

/**
 * Listens to keys of the page until it ends, and puts them on the keyboard map.
 *
 * @param {string} group
 * @param {Action[]} actions
 * @returns {() => void}
 */
export function listenToKeys(group, actions) {
  const shown = new Map(actions.filter((action) => action.shown).map((action) => [action.shown, action.does]));
  const forget = registerKeys(group, [...shown]);

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    const command = event.ctrlKey || event.metaKey;
    if (isTyping(event.target) || (!command && !keysAreOn())) return;
    const key = event.key.toLowerCase();
    const action = actions.find((action) => action.key === key && (action.command ?? false) === command && (action.shift === undefined || action.shift === event.shiftKey));
    if (!action || ownsKey(event.target, key)) return;
    event.preventDefault();
    action.run(event);
  }

  document.addEventListener("keydown", pressed);
  return () => {
    document.removeEventListener("keydown", pressed);
    forget();
  };
}

/**
 * Whether a control under the focus has its own use for a key.
 *
 * @param {EventTarget | null} target
 * @param {string} key
 */
function ownsKey(target, key) {
  if (!(target instanceof HTMLElement)) return false;
  if (key === " " || key === "enter") return target.matches("button, a, input, select, summary");
  if (key.startsWith("arrow")) return target.matches("input, select, [role=tab]");
  return false;
}
