import { openDialog } from "./components/dialog.js";
import { h } from "./dom.js";
import { keyGroups, keysAreOn, turnKeys } from "./keys.js";

/** The keyboard map, of what is on the page now. */
export function openHelp() {
  const single = h("input", { type: "checkbox", checked: keysAreOn(), onchange: () => turnKeys(single.checked) });
  openDialog("Keyboard map", [
    h("div", { class: "key-map" }, ...keyGroups().reverse().map(([group, rows]) => h("section", null,
      h("h3", null, group),
      h("dl", { class: "keys" }, ...rows.flatMap(([keys, does]) => [h("dt", null, ...keys.split(" ").map((key) => h("kbd", null, key))), h("dd", null, does)]))))),
    h("label", { class: "check" }, single, "Single keys are on"),
    h("p", { class: "hint" }, "Drag on the picture to walk between seeds; drop a picture, a photo, a network or latents anywhere"),
  ], { wide: true });
}
