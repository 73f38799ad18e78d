/** The configuration of a run: what differs from its preset, and all of it. */

import { button } from "../components/button.js";
import { copyText } from "../components/copy.js";
import { fill, h } from "../dom.js";
import { plainValue } from "./format.js";

/** @param {number} keys */
function differing(keys) {
  if (keys === 0) return "no key differs";
  return keys === 1 ? "1 key differs" : `${keys} keys differ`;
}

/** A line may break after a dot or an underscore. @param {string} key */
function breakable(key) {
  return key.split(/(?<=[._])/).flatMap((part) => [part, h("wbr")]);
}

/** @param {import("./types.js").RunInfo} info */
export function configuration(info) {
  const { preset, changes, config } = info;
  const element = h("div", { class: "configuration" });
  fill(
    element,
    h("p", { class: "muted" }, preset === null ? "Not compared with a preset" : ["Nearest preset ", h("code", null, preset), `, ${differing(changes.length)}`]),
    changes.length === 0
      ? null
      : h(
          "div",
          { class: "table-wrap scroll", tabindex: "0", role: "region", "aria-label": "Changes to the preset" },
          h(
            "table",
            { class: "table" },
            h("thead", null, h("tr", null, ...["Key", "This run", preset === null ? "Default" : "Preset"].map((text) => h("th", { scope: "col" }, text)))),
            h(
              "tbody",
              null,
              changes.map(({ key, value, preset }) =>
                h("tr", null, h("td", null, h("code", null, breakable(key))), h("td", null, plainValue(value)), h("td", { class: "muted" }, plainValue(preset))),
              ),
            ),
          ),
        ),
    h(
      "details",
      { class: "config-text" },
      h("summary", null, "config.toml"),
      h("div", { class: "config-copy" }, button("Copy", () => void copyText(config, "Configuration copied"), { icon: "copy", className: "tiny" })),
      h("pre", { class: "command", tabindex: "0", "aria-label": "config.toml" }, config),
    ),
  );
  return element;
}
