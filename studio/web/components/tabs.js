import { h, newId } from "../dom.js";

/**
 * Tabs by the book: one is in the tab order, arrows go between them.
 *
 * @template {string} T
 * @param {string} label
 * @param {{value: T, label: string, panel: HTMLElement}[]} tabs
 * @param {T} value
 * @param {(value: T) => void} changed
 */
export function tabs(label, tabs, value, changed) {
  const buttons = tabs.map((tab) => {
    tab.panel.id ||= newId("tabpanel");
    const id = newId("tab");
    tab.panel.setAttribute("role", "tabpanel");
    tab.panel.setAttribute("aria-labelledby", id);
    return h("button", { type: "button", role: "tab", id, "aria-controls": tab.panel.id, onclick: () => choose(tab.value) }, tab.label);
  });
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": label }, buttons);

  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = tabs.findIndex((tab) => tab.value === value);
    const next = Number.isFinite(step) ? (at + step + tabs.length) % tabs.length : step > 0 ? tabs.length - 1 : 0;
    const tab = tabs[next];
    if (!tab) return;
    choose(tab.value);
    buttons[next]?.focus();
  });

  /** @param {T} next */
  function show(next) {
    value = next;
    tabs.forEach((tab, at) => {
      const chosen = tab.value === value;
      buttons[at]?.setAttribute("aria-selected", String(chosen));
      if (buttons[at]) buttons[at].tabIndex = chosen ? 0 : -1;
      tab.panel.hidden = !chosen;
    });
  }

  /** @param {T} next */
  function choose(next) {
    if (next === value) return;
    show(next);
    changed(next);
  }

  show(value);
  return { element, show };
}
