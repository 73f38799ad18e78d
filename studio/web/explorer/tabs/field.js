import { h, newId } from "../../dom.js";

/**
 * A labeled text box in a toolbar, with what it must look like.
 *
 * @param {string} label
 * @param {{value: string, title: string, size: number, legal: (text: string) => boolean}} options
 * @param {(text: string) => void} changed
 */
export function textField(label, { value, title, size, legal }, changed) {
  const id = newId("field");
  const input = h("input", { type: "text", id, value, title, size, spellcheck: false, autocomplete: "off" });
  input.addEventListener("change", () => {
    const text = input.value.replace(/\s+/g, "");
    const good = legal(text);
    input.setAttribute("aria-invalid", String(!good));
    if (good) changed(text);
  });
  const element = h("span", { class: "field" }, h("label", { class: "small muted", htmlFor: id }, label), input);
  return {
    element,
    /** @param {string} text */
    set(text) {
      if (document.activeElement === input) return;
      input.value = text;
      input.setAttribute("aria-invalid", "false");
    },
  };
}
