/** Chooses runs to compare, and shows which color is whose. */

import { getJson, isAbort } from "../api.js";
import { iconButton } from "../components/button.js";
import { toastError } from "../components/toast.js";
import { fill, h } from "../dom.js";
import { colorVariable } from "./plot-theme.js";

export class CompareBar {
  /** @param {import("./run-data.js").RunData} main @param {import("./compared-runs.js").ComparedRuns} compared @param {import("./view.js").View} view */
  constructor(main, compared, view) {
    this.#main = main;
    this.#compared = compared;
    this.#view = view;
    this.select.addEventListener("change", () => {
      if (this.select.value !== "") compared.add(Number(this.select.value));
      this.select.value = "";
    });
    // The list is read when someone reaches for it.
    this.select.addEventListener("pointerdown", () => void this.#readRuns());
    this.select.addEventListener("focus", () => void this.#readRuns());
    compared.addEventListener("change", this.#render);
    main.addEventListener("info", this.#render);
    view.addEventListener("change", this.#render);
    void this.#readRuns();
    this.#render();
  }

  element = h("ul", { class: "compare-bar", "aria-label": "Runs in the plots" });
  select = h("select", { "aria-label": "Add a run to the plots", class: "compare-select" });

  #main;
  #compared;
  #view;
  /** @type {import("./types.js").RunSummary[]} */
  #runs = [];
  #abort = new AbortController();

  destroy() {
    this.#abort.abort();
    this.#compared.removeEventListener("change", this.#render);
    this.#main.removeEventListener("info", this.#render);
    this.#view.removeEventListener("change", this.#render);
  }

  async #readRuns() {
    try {
      const runs = await getJson("/api/runs", { signal: this.#abort.signal });
      if (JSON.stringify(runs.map(nameOf)) === JSON.stringify(this.#runs.map(nameOf))) return;
      this.#runs = runs;
      this.#render();
    } catch (error) {
      if (!isAbort(error) && this.#runs.length === 0) toastError(error);
    }
  }

  #render = () => {
    const shown = new Set([this.#main.run, ...this.#view.compared]);
    const others = this.#runs.filter(({ run }) => !shown.has(run));
    const isFull = this.#compared.isFull();
    this.select.disabled = others.length === 0 || isFull;
    this.select.title = isFull ? "More runs could not be told apart" : "";
    fill(
      this.select,
      h("option", { value: "" }, "Add run…"),
      others.map((run) => h("option", { value: String(run.run) }, run.name)),
    );
    const compared = this.#compared.all();
    this.element.hidden = compared.length === 0;
    fill(
      this.element,
      [this.#main, ...compared].map((data) => {
        const swatch = h("span", { class: "swatch" });
        swatch.style.background = `var(${colorVariable(this.#compared.roleOf(data))})`;
        const isMain = data === this.#main;
        return h(
          "li",
          { class: "run-chip" },
          swatch,
          isMain ? h("span", null, data.name) : h("a", { href: `#/runs/${data.run}` }, data.info === null ? "Loading…" : data.name),
          isMain
            ? null
            : iconButton("close", `Take ${data.name} out of the plots`, () => this.#compared.remove(data.run), { className: "quiet icon tiny" }),
        );
      }),
    );
  };
}

/** @param {import("./types.js").RunSummary} run */
function nameOf({ run, name }) {
  return [run, name];
}
