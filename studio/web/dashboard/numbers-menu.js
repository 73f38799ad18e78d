/** The menu in which a person chooses what is drawn. */

import { button } from "../components/button.js";
import { icon } from "../components/icon.js";
import { fill, h, newId } from "../dom.js";
import { SECTIONS } from "./groups.js";

/**
 * @param {(values: Set<string> | null) => void} choose null goes back to the first page
 */
export function numbersMenu(choose) {
  const id = newId("numbers");
  const body = h("div", { class: "numbers-body" });
  const label = h("span", null, "Numbers");
  const opener = h("button", { type: "button", popovertarget: id, "aria-haspopup": "dialog" }, label, icon("chevron"));
  /** @type {Set<string>} */
  let chosen = new Set();
  /** @type {string[]} */
  let all = [];
  const popover = h(
    "div",
    { class: "numbers-menu", id, popover: "auto", role: "dialog", "aria-label": "Numbers that are drawn" },
    h(
      "div",
      { class: "row" },
      button("First page", () => choose(null), { className: "tiny", title: "What people look at first" }),
      button("All", () => choose(new Set(all)), { className: "tiny" }),
      button("None", () => choose(new Set()), { className: "tiny" }),
    ),
    body,
  );
  popover.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") place(popover, opener);
  });

  let built = "";
  /** @type {Map<string, HTMLInputElement>} */
  const boxes = new Map();

  /** @param {string} name @param {string} title */
  function row(name, title) {
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      const values = new Set(chosen);
      if (box.checked) values.add(name);
      else values.delete(name);
      choose(values);
    });
    boxes.set(name, box);
    return h("label", { class: "check", title }, box, h("code", null, name));
  }

  /** @param {import("./groups.js").Panel[]} panels @param {Set<string>} values */
  function update(panels, values) {
    chosen = values;
    all = panels.flatMap((panel) => panel.values.map(({ name }) => name));
    label.textContent = `Numbers ${values.size} of ${all.length}`;
    if (built !== all.join()) {
      built = all.join();
      boxes.clear();
      fill(
        body,
        SECTIONS.map((section) => {
          const inside = panels.filter((panel) => panel.section === section);
          if (inside.length === 0) return null;
          const rows = inside.flatMap((panel) => panel.values.map(({ name }) => row(name, panel.title)));
          return h("fieldset", null, h("legend", null, section), rows);
        }),
      );
    }
    for (const [name, box] of boxes) box.checked = values.has(name);
  }

  return { button: opener, popover, update };
}

/** Below the button, inside of the window. @param {HTMLElement} popover @param {HTMLElement} opener */
function place(popover, opener) {
  const { left, bottom } = opener.getBoundingClientRect();
  popover.style.left = `${Math.max(8, Math.min(left, innerWidth - popover.offsetWidth - 8))}px`;
  popover.style.top = `${Math.max(8, Math.min(bottom + 4, innerHeight - popover.offsetHeight - 8))}px`;
}
