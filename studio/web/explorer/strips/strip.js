import { h } from "../../dom.js";

/**
 * @typedef {object} StripItem
 * @property {number} id
 * @property {string} thumb
 * @property {string} name
 * @property {boolean} [marked]
 */

/**
 * A row of thumbnails, one of them chosen. Arrows go along it, Enter recalls; with Alt they move an item if `moved` is there, as a drag does.
 *
 * @param {string} label
 * @param {object} told
 * @param {(id: number) => void} told.recalled
 * @param {(id: number) => void} [told.removed] by Delete
 * @param {(id: number, to: number) => void} [told.moved]
 */
export function strip(label, { recalled, removed, moved }) {
  const element = h("div", { class: "strip", role: "group", "aria-label": label });
  /** @type {StripItem[]} */
  let items = [];
  let selected = -1;
  let dragged = -1;
  /** @type {Map<number, HTMLButtonElement>} */
  let buttons = new Map();

  element.addEventListener("keydown", (event) => {
    const id = Number(/** @type {HTMLElement} */ (event.target).dataset.id);
    const at = items.findIndex((item) => item.id === id);
    if (at < 0) return;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Delete" && removed) {
      removed(id);
      focus(items[Math.min(at, items.length - 1)]?.id);
    } else if (to !== undefined && event.altKey && moved) {
      moved(id, to);
      focus(id);
    } else if (to !== undefined) {
      focus(items[to]?.id);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  /** @param {number | undefined} id */
  function focus(id) {
    const button = id === undefined ? undefined : buttons.get(id);
    if (!button) return;
    for (const other of buttons.values()) other.tabIndex = other === button ? 0 : -1;
    button.focus();
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {StripItem} item */
  function make(item) {
    const image = h("img", { alt: "", draggable: false });
    const button = h("button", { type: "button", class: "thumb", data: { id: String(item.id) }, onclick: () => recalled(item.id) }, image);
    if (moved) {
      button.draggable = true;
      button.addEventListener("dragstart", (event) => {
        dragged = item.id;
        event.dataTransfer?.setData("text/plain", "");
      });
      button.addEventListener("dragover", (event) => {
        if (dragged < 0) return;
        event.preventDefault();
        event.stopPropagation();
        const to = items.findIndex((other) => other.id === item.id);
        if (dragged !== item.id) moved(dragged, to);
      });
      button.addEventListener("drop", (event) => {
        if (dragged < 0) return;
        event.preventDefault();
        event.stopPropagation();
      });
      button.addEventListener("dragend", () => {
        dragged = -1;
      });
    }
    return button;
  }

  return {
    element,
    focus,
    /**
     * @param {StripItem[]} next
     * @param {number} chosen
     */
    show(next, chosen) {
      items = next;
      selected = chosen;
      const kept = new Map(items.map((item) => [item.id, buttons.get(item.id) ?? make(item)]));
      const stop = kept.has(selected) ? selected : items[0]?.id;
      items.forEach((item, at) => {
        const button = kept.get(item.id);
        const image = button?.querySelector("img");
        if (!button || !image) return;
        if (item.thumb && image.src !== item.thumb) image.src = item.thumb;
        image.hidden = !item.thumb;
        button.title = item.name;
        button.setAttribute("aria-label", `${at + 1} of ${items.length}, ${item.name}${item.marked ? ", pinned" : ""}`);
        button.setAttribute("aria-current", String(item.id === selected));
        button.classList.toggle("marked", item.marked === true);
        button.tabIndex = item.id === stop ? 0 : -1;
      });
      for (const [id, button] of buttons) if (!kept.has(id)) button.remove();
      // In place, so that a button keeps the focus and a drag goes on.
      items.forEach((item, at) => {
        const button = kept.get(item.id);
        if (button && element.children[at] !== button) element.insertBefore(button, element.children[at] ?? null);
      });
      buttons = kept;
    },
  };
}
