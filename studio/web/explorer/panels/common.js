import { iconButton } from "../../components/button.js";
import { copyCommand } from "../../components/copy.js";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../controls.js").Controls} Controls
 */

/**
 * The Reset of a panel, gray while nothing in it differs from the standard.
 *
 * @param {App} app
 * @param {string} label
 * @param {(keyof Controls)[]} keys
 */
export function resetPanel(app, label, keys) {
  const button = iconButton("reset", `Reset ${label}`, () => app.reset(keys), { className: "quiet icon tiny" });
  app.bind(() => {
    button.disabled = app.isStandard(keys);
  }, keys);
  return button;
}

/**
 * The line that draws what is shown.
 *
 * @param {App} app
 * @param {() => string | Promise<string>} [command]
 */
export const copyPanel = (app, command = () => app.command()) => copyCommand(command, { small: true });
