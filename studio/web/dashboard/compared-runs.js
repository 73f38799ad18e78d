/** The runs that are drawn beside one, each with its color. */

import { isAbort } from "../api.js";
import { toastError } from "../components/toast.js";
import { RUN_COLORS } from "./plot-theme.js";
import { RunData } from "./run-data.js";
import { RunFeed } from "./run-feed.js";

/** A browser has six connections for a server; the run itself has one, and others are wanted for pictures. */
const MOST_FEEDS = 2;

/** Emits `change` when any of them has something new. */
export class ComparedRuns extends EventTarget {
  /** @param {RunData} main @param {import("./view.js").View} view */
  constructor(main, view) {
    super();
    this.#main = main;
    this.#view = view;
    view.addEventListener("change", this.#onView);
    this.#onView();
  }

  #main;
  #view;
  /** @type {Map<number, {data: RunData, color: number, feed: RunFeed | null, abort: AbortController}>} */
  #runs = new Map();

  destroy() {
    this.#view.removeEventListener("change", this.#onView);
    for (const run of [...this.#runs.keys()]) this.#drop(run);
  }

  all() {
    return [...this.#runs.values()].map(({ data }) => data);
  }

  ready() {
    return this.all().filter((data) => data.info !== null);
  }

  isFull() {
    return this.#runs.size >= RUN_COLORS - 1;
  }

  /** @param {RunData} data */
  roleOf(data) {
    return data === this.#main ? "run-0" : `run-${this.#runs.get(data.run)?.color ?? 0}`;
  }

  /** @param {number} run */
  add(run) {
    if (!this.#view.compared.includes(run)) this.#view.set({ compared: [...this.#view.compared, run] });
  }

  /** @param {number} run */
  remove(run) {
    this.#view.set({ compared: this.#view.compared.filter((other) => other !== run) });
  }

  #onView = () => {
    const wanted = this.#view.compared.filter((run) => run !== this.#main.run).slice(0, RUN_COLORS - 1);
    for (const run of [...this.#runs.keys()]) if (!wanted.includes(run)) this.#drop(run);
    for (const run of wanted) if (!this.#runs.has(run)) void this.#load(run);
  };

  /** @param {number} run */
  #drop(run) {
    const entry = this.#runs.get(run);
    entry?.feed?.close();
    entry?.abort.abort();
    this.#runs.delete(run);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} run */
  async #load(run) {
    const taken = new Set([...this.#runs.values()].map(({ color }) => color));
    let color = 1;
    while (taken.has(color)) color += 1;
    const data = new RunData(run);
    const abort = new AbortController();
    this.#runs.set(run, { data, color, feed: null, abort });
    try {
      await data.readInfo(abort.signal);
      await data.readStats(abort.signal);
    } catch (error) {
      if (isAbort(error)) return;
      toastError(error);
      this.remove(run);
      return;
    }
    const entry = this.#runs.get(run);
    if (entry === undefined || entry.data !== data) return;
    data.addEventListener("stats", () => this.dispatchEvent(new Event("change")));
    const feeds = [...this.#runs.values()].filter(({ feed }) => feed !== null).length;
    if (data.info?.state === "training" && feeds < MOST_FEEDS) entry.feed = new RunFeed(data, { withLog: false });
    this.dispatchEvent(new Event("change"));
  }
}
