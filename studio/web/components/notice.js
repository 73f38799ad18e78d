import { h } from "../dom.js";
import { sentences } from "../api.js";

/**
 * What went wrong, as text in the place where the result would be: the error, its causes, what to do next.
 *
 * @param {unknown} error
 */
export function errorNotice(error) {
  const { error: text, causes, hint } = sentences(error);
  return h("div", { class: "notice danger", role: "alert" },
    h("strong", null, text),
    ...causes.map((cause) => h("span", { class: "small" }, cause)),
    hint ? h("span", { class: "small" }, `Hint: ${hint}`) : null);
}
