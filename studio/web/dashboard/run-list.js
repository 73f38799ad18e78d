/** The list of runs. */

import { getJson, isAbort } from "../api.js";
import { button } from "../components/button.js";
import { errorNotice } from "../components/notice.js";
import { fill, h } from "../dom.js";
import { ago, kimg, kimgNumber, percent, side } from "./format.js";
import { stateBadge } from "./state-badge.js";

/** @typedef {import("./types.js").RunSummary} RunSummary */

/** Nothing tells of new runs; a list that is looked at is read this often while any of them trains. */
const READ_AGAIN_MS = 15000;

/** @param {AbortSignal} [signal] @returns {Promise<RunSummary[]>} */
function readRuns(signal) {
  return getJson("/api/runs", { signal });
}

/** The number of a run by its name, null if there is none. @param {string} name */
export async function findRun(name) {
  const runs = await readRuns().catch(() => /** @type {RunSummary[]} */ ([]));
  return runs.find((run) => run.name === name)?.run ?? null;
}

/** @param {HTMLElement} root @returns {() => void} */
export function mountRunList(root) {
  const abort = new AbortController();
  /** @type {Set<number>} */
  const picked = new Set();
  let timer = 0;

  const problem = h("div");
  const body = h("div", { class: "table-wrap" });
  const compare = h("a", { class: "button", role: "link" }, "Compare");
  const page = h(
    "div",
    { class: "dashboard scroll" },
    h(
      "div",
      { class: "page" },
      h("div", { class: "row list-head" }, h("h1", null, "Runs"), h("span", { class: "end row" }, compare, button("Refresh", () => void read(), { icon: "reset" }))),
      problem,
      body,
    ),
  );
  root.replaceChildren(page);
  document.title = "Runs · stylegan studio";

  function showCompare() {
    const [first, ...others] = [...picked];
    compare.hidden = picked.size < 2;
    compare.textContent = `Compare ${picked.size} runs`;
    compare.setAttribute("href", `#/runs/${first}?with=${others.join(",")}`);
  }

  /** @param {RunSummary[]} runs */
  function show(runs) {
    if (runs.length === 0) {
      fill(
        body,
        h(
          "div",
          { class: "empty" },
          h("p", null, "No runs in the folders that this studio was given"),
          h("p", null, "A training writes one: ", h("code", null, "stylegan train --data photos/ --out runs")),
        ),
      );
      return;
    }
    const sorted = [...runs].sort((one, other) => Number(other.live) - Number(one.live) || other.modified - one.modified);
    const focused = document.activeElement?.id;
    fill(
      body,
      h(
        "table",
        { class: "table run-table card" },
        h("caption", { class: "visually-hidden" }, "Runs, the one that trains here first, then by the time of their last change"),
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Compare")),
            h("th", { scope: "col" }, "Name"),
            h("th", { scope: "col" }, "State"),
            h("th", { scope: "col" }, "Progress"),
            h("th", { scope: "col", class: "right" }, "Images shown"),
            h("th", { scope: "col", class: "right" }, "Side"),
            h("th", { scope: "col", class: "right" }, "Changed"),
          ),
        ),
        h("tbody", null, sorted.map(row)),
      ),
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  /** @param {RunSummary} run */
  function row(run) {
    const box = h("input", { type: "checkbox", id: `pick-${run.run}`, checked: picked.has(run.run), "aria-label": `Compare ${run.name}` });
    box.addEventListener("change", () => {
      if (box.checked) picked.add(run.run);
      else picked.delete(run.run);
      showCompare();
    });
    const share = run.total_kimg !== null && run.total_kimg > 0 ? Math.min(1, run.kimg / run.total_kimg) : null;
    const done = h("div");
    if (share !== null) done.style.width = `${100 * share}%`;
    return h(
      "tr",
      null,
      h("td", { class: "run-pick" }, box),
      h("td", { class: "run-name" }, h("a", { href: `#/runs/${run.run}`, id: `run-${run.run}` }, run.name), run.live ? h("span", { class: "small muted" }, "this process") : null),
      h("td", { class: "run-state" }, stateBadge(run.state)),
      h(
        "td",
        { class: "run-progress" },
        share === null
          ? "–"
          : h("div", { class: "row" }, h("div", { class: "progress grow", "aria-hidden": "true" }, done), h("span", { class: "number run-share" }, percent(share))),
      ),
      h("td", { class: "right run-kimg" }, run.total_kimg === null ? kimg(run.kimg) : `${kimgNumber(run.kimg)} of ${kimg(run.total_kimg)}`),
      h("td", { class: "right run-side" }, side(run.resolution)),
      h("td", { class: "right run-changed", title: new Date(run.modified * 1000).toLocaleString() }, ago(run.modified)),
    );
  }

  async function read() {
    clearTimeout(timer);
    try {
      const runs = await readRuns(abort.signal);
      for (const run of picked) if (!runs.some((other) => other.run === run)) picked.delete(run);
      problem.replaceChildren();
      show(runs);
      showCompare();
      if (!document.hidden && runs.some(({ state }) => state === "training" || state === "paused")) {
        timer = window.setTimeout(() => void read(), READ_AGAIN_MS);
      }
    } catch (error) {
      if (isAbort(error)) return;
      fill(problem, errorNotice(error));
      timer = window.setTimeout(() => void read(), READ_AGAIN_MS);
    }
  }

  const onVisibility = () => {
    if (document.hidden) clearTimeout(timer);
    else void read();
  };
  document.addEventListener("visibilitychange", onVisibility);
  fill(body, h("p", { class: "empty", role: "status" }, "Reading the runs…"));
  showCompare();
  void read();

  return () => {
    clearTimeout(timer);
    abort.abort();
    document.removeEventListener("visibilitychange", onVisibility);
    page.remove();
  };
}
