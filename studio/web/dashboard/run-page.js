/** The page of one run. */

import { isAbort } from "../api.js";
import { errorNotice } from "../components/notice.js";
import { panel } from "../components/panel.js";
import { fill, h, isTyping } from "../dom.js";
import { keysAreOn, registerKeys } from "../keys.js";
import { ComparedRuns } from "./compared-runs.js";
import { configuration } from "./configuration.js";
import { Curves } from "./curves.js";
import { Fakes } from "./fakes.js";
import { LogView } from "./log-view.js";
import { findRun } from "./run-list.js";
import { RunData } from "./run-data.js";
import { RunFeed } from "./run-feed.js";
import { RunHeader } from "./run-header.js";
import { snapshotList } from "./snapshots.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";

/**
 * @param {HTMLElement} root
 * @param {number} run
 * @param {string} path of the fragment
 * @param {URLSearchParams} params
 * @returns {() => void} that takes it away
 */
export function mountRunPage(root, run, path, params) {
  const page = h("div", { class: "dashboard scroll" });
  root.replaceChildren(page);
  fill(page, h("p", { class: "empty", role: "status" }, "Reading the run…"));
  const data = new RunData(run);
  const abort = new AbortController();
  /** @type {(() => void)[]} */
  const ends = [() => abort.abort()];
  data.readInfo(abort.signal).then(
    () => ends.push(...build(page, data, new View(path, params))),
    (error) => {
      if (!isAbort(error)) fill(page, errorNotice(error), h("p", null, h("a", { href: "#/runs" }, "All runs")));
    },
  );
  return () => {
    for (const end of ends.splice(0)) end();
    page.remove();
  };
}

/** @param {HTMLElement} page @param {RunData} data @param {View} view @returns {(() => void)[]} */
function build(page, data, view) {
  const timeline = new Timeline();
  const feed = new RunFeed(data, { withLog: true });
  const compared = new ComparedRuns(data, view);
  const header = new RunHeader(data, feed);
  const curves = new Curves(data, compared, view, timeline);
  const fakes = new Fakes(data, view, timeline);
  const log = new LogView(data);
  const snapshots = h("div");
  const config = h("div");
  let shownConfig = "";

  function showInfo() {
    const { info } = data;
    if (info === null) return;
    document.title = `${info.name} · stylegan studio`;
    const focused = snapshots.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
    fill(snapshots, snapshotList(info));
    if (focused) /** @type {HTMLElement | null} */ (snapshots.querySelector(`a[href="${focused}"]`))?.focus();
    // A table that was opened stays open.
    const text = JSON.stringify([info.preset, info.changes, info.config]);
    if (text !== shownConfig) {
      shownConfig = text;
      fill(config, configuration(info));
    }
  }
  data.addEventListener("info", showInfo);
  showInfo();

  feed.addEventListener("gone", () => void findRun(data.name).then((run) => {
    // Another server has other numbers for its runs.
    location.hash = run === null ? "#/runs" : `#/runs/${run}`;
  }));

  fill(
    page,
    h(
      "div",
      { class: "dashboard-page" },
      header.element,
      h("div", { class: "area-curves card" }, panel("Curves", { actions: curves.actions }, curves.element)),
      h(
        "div",
        { class: "dashboard-side" },
        h("div", { class: "area-fakes card" }, panel("Pictures", { actions: fakes.actions }, fakes.element)),
        h("div", { class: "area-snapshots card" }, panel("Snapshots", {}, snapshots)),
        h("div", { class: "area-config card" }, panel("Configuration", {}, config)),
      ),
      h("div", { class: "area-log card" }, panel("Log", {}, log.element)),
    ),
  );

  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (!keysAreOn() || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const actions = {
      l: () => view.set({ log: !view.log }),
      x: () => view.set({ axis: view.axis === "kimg" ? "time" : "kimg", window: null }),
      0: () => view.set({ window: null }),
      p: () => fakes.togglePlay(),
      ",": () => fakes.go(-1),
      ".": () => fakes.go(1),
    };
    const action = actions[/** @type {keyof typeof actions} */ (event.key)];
    if (action === undefined || event.defaultPrevented) return;
    action();
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  const removeKeys = registerKeys("Runs", [
    [", .", "Picture before, next picture"],
    ["p", "Play the pictures"],
    ["l", "Logarithmic scale"],
    ["x", "kimg or time on the x axis"],
    ["0", "Reset the zoom"],
    ["← →", "Move the cursor, on a plot that has the focus"],
    ["+ -", "Zoom, on a plot"],
    ["Enter", "Set the pictures to the cursor, on a plot"],
  ]);

  return [
    () => document.removeEventListener("keydown", onKey),
    removeKeys,
    () => data.removeEventListener("info", showInfo),
    () => feed.close(),
    () => compared.destroy(),
    () => header.destroy(),
    () => curves.destroy(),
    () => fakes.destroy(),
    () => log.destroy(),
    () => view.close(),
  ];
}
