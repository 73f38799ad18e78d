/** The log of a run: levels, counts of warnings, a filter, and the tail followed. */

import { segmented } from "../components/segmented.js";
import { fill, h } from "../dom.js";
import { count } from "./format.js";

/** @typedef {import("./types.js").LogLine} LogLine */

/** So near to the end is at the end. */
const END_PIXELS = 24;

export class LogView {
  /** @param {import("./run-data.js").RunData} data */
  constructor(data) {
    this.#data = data;
    this.#filter.addEventListener("input", this.#rebuild);
    this.#follow.addEventListener("change", () => {
      if (this.#follow.checked) this.#toEnd();
    });
    this.#list.addEventListener("scroll", () => {
      if (this.#isMoving) return;
      const { scrollTop, clientHeight, scrollHeight } = this.#list;
      this.#follow.checked = scrollTop + clientHeight >= scrollHeight - END_PIXELS;
    });
    this.element.append(
      h("div", { class: "toolbar" }, this.#levels, this.#filter, h("label", { class: "check" }, this.#follow, "Follow")),
      this.#list,
      this.#note,
    );
    data.addEventListener("log", this.#onLog);
    this.#rebuild();
  }

  element = h("div", { class: "log-view" });

  #data;
  #filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter lines of the log" });
  #follow = h("input", { type: "checkbox", checked: true });
  #list = h("div", { class: "log-lines mono", role: "log", "aria-live": "off", "aria-label": "Lines of the log", tabindex: "0" });
  #note = h("p", { class: "hint" });
  #level = "all";
  #levels = segmented(
    "Level",
    [
      { value: "all", label: "All" },
      { value: "warning", label: "Warnings" },
    ],
    "all",
    (level) => {
      this.#level = level;
      this.#rebuild();
    },
  );
  #isMoving = false;
  /** Number of the next line to be shown, of all that ever were. */
  #next = 0;

  destroy() {
    this.#data.removeEventListener("log", this.#onLog);
  }

  #onLog = () => {
    const { lines, droppedLines } = this.#data;
    // Lines that were shown are gone: another log.
    if (droppedLines + lines.length < this.#next || this.#next < droppedLines) return this.#rebuild();
    const added = lines.slice(this.#next - droppedLines).filter((line) => this.#isWanted(line));
    this.#next = droppedLines + lines.length;
    this.#list.querySelector(".empty")?.remove();
    this.#list.append(...added.map(lineElement));
    while (this.#list.childElementCount > lines.length) this.#list.firstElementChild?.remove();
    this.#tell();
  };

  #rebuild = () => {
    const { lines, droppedLines } = this.#data;
    this.#next = droppedLines + lines.length;
    fill(this.#list, lines.filter((line) => this.#isWanted(line)).map(lineElement));
    this.#tell();
  };

  /** @param {LogLine} line */
  #isWanted(line) {
    if (this.#level === "warning" && line.level !== "warning") return false;
    return line.text.toLowerCase().includes(this.#filter.value.trim().toLowerCase());
  }

  #tell() {
    const { lines, droppedLines } = this.#data;
    const warnings = lines.filter(({ level }) => level === "warning").length;
    const shown = this.#list.querySelectorAll(".log-line").length;
    const parts = [
      `${count(lines.length)} ${lines.length === 1 ? "line" : "lines"}${droppedLines > 0 ? ", older ones in the file" : ""}`,
      warnings === 0 ? "no warnings" : warnings === 1 ? "1 warning" : `${count(warnings)} warnings`,
    ];
    if (shown < lines.length) parts.unshift(`${count(shown)} shown`);
    this.#note.textContent = parts.join(" · ");
    const label = this.#levels.querySelectorAll("label")[1]?.lastChild;
    if (label) label.textContent = warnings === 0 ? "Warnings" : `Warnings ${count(warnings)}`;
    this.#levels.classList.toggle("has-warnings", warnings > 0);
    if (shown === 0) {
      fill(this.#list, h("p", { class: "empty" }, lines.length > 0 ? "No line is like that" : this.#data.hasLog ? "Nothing logged yet" : "Reading the log…"));
    }
    if (this.#follow.checked) this.#toEnd();
  }

  #toEnd() {
    this.#isMoving = true;
    this.#list.scrollTop = this.#list.scrollHeight;
    requestAnimationFrame(() => (this.#isMoving = false));
  }
}

/** @param {LogLine} line */
function lineElement({ level, text }) {
  const isWarning = level === "warning";
  return h(
    "div",
    { class: isWarning ? "log-line is-warning" : "log-line" },
    isWarning && !/^warning/i.test(text) ? h("span", { class: "log-level" }, "warning: ") : null,
    text === "" ? "\u00a0" : text,
  );
}
