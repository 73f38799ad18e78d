/** Keeps a run's data current: listens to the server's events and reads what they say is new, also after a cut. */

import { ApiError, getJson, isAbort, listen, sentences } from "../api.js";

/** @typedef {import("./run-data.js").RunData} RunData */
/** @typedef {import("./types.js").Changed} Changed */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {"connecting" | "connected" | "lost"} Connection */

const READ_AGAIN_MS = 3000;

/** Emits `connection` when `connection` or `problem` changed, `step` when `step` did, and `gone` when its number belongs to another run. */
export class RunFeed extends EventTarget {
  /** @param {RunData} data @param {{withLog: boolean}} options */
  constructor(data, { withLog }) {
    super();
    this.data = data;
    /** @type {Connection} */
    this.connection = "connecting";
    /** What the server said against a request, as a sentence. */
    this.problem = "";
    /** @type {Step | null} */
    this.step = null;
    this.#withLog = withLog;
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#listen();
  }

  #withLog;
  #abort = new AbortController();
  /** @type {(() => void) | null} */
  #end = null;
  #readTimer = 0;
  /** What the server has; read as soon as the last reading is done. @type {Changed | null} */
  #wanted = null;
  /** What was read last. @type {Changed | null} */
  #seen = null;
  #isReading = false;
  #isProbing = false;

  close() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#readTimer);
    this.#stopListening();
    this.#abort.abort();
  }

  /** Reads what the server says of the run once more, after a button was pressed. */
  readInfo() {
    return this.data.readInfo(this.#abort.signal).catch((error) => this.#fail(error));
  }

  // A hidden page gives its connection back: a browser has six of them for a server, over all pages.
  #onVisibility = () => {
    if (document.hidden) this.#stopListening();
    else this.#listen();
  };

  #stopListening() {
    this.#end?.();
    this.#end = null;
  }

  #listen() {
    if (this.#end !== null) return;
    this.#seen = null;
    this.#end = listen(
      `/api/runs/${this.data.run}/events`,
      {
        changed: (/** @type {Changed} */ changed) => {
          this.#setConnection("connected");
          this.#wanted = changed;
          void this.#read();
        },
        step: (/** @type {Step} */ step) => {
          this.step = step;
          this.dispatchEvent(new Event("step"));
        },
      },
      {
        connected: (connected) => {
          if (connected) return;
          // Nothing that was seen before counts any more: it may be another server that answers next.
          this.#seen = null;
          this.#setConnection("lost");
          void this.#probe();
        },
      },
    );
  }

  /** An event source does not say why it failed; a plain question does (a token that is wrong, a run that is gone). */
  async #probe() {
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      await getJson(`/api/runs/${this.data.run}`, { signal: this.#abort.signal });
      this.#setProblem("");
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isProbing = false;
    }
  }

  async #read() {
    if (this.#isReading) return;
    this.#isReading = true;
    clearTimeout(this.#readTimer);
    const { signal } = this.#abort;
    /** @type {Changed | null} */
    let wanted = null;
    try {
      while (this.#wanted !== null && !signal.aborted) {
        const now = /** @type {Changed} */ (this.#wanted);
        wanted = now;
        this.#wanted = null;
        const seen = this.#seen;
        const isNew = (/** @type {keyof Changed} */ key) => seen === null || seen[key] !== now[key];
        const isInfoNew = isNew("grids") || isNew("snapshots") || isNew("measures") || isNew("state");
        if (isInfoNew && !(await this.data.readInfo(signal))) {
          this.dispatchEvent(new Event("gone"));
          return;
        }
        await Promise.all([
          isNew("stats") ? this.data.readStats(signal) : null,
          this.#withLog && isNew("log") ? this.data.readLog(signal, now.log) : null,
        ]);
        this.#seen = now;
        this.#setProblem("");
      }
    } catch (error) {
      this.#fail(error);
      this.#wanted ??= wanted;
      if (!signal.aborted) this.#readTimer = window.setTimeout(() => this.#read(), READ_AGAIN_MS);
    } finally {
      this.#isReading = false;
    }
  }

  /** A server that cannot be reached is told as a lost connection, not as a problem. @param {unknown} error */
  #fail(error) {
    if (isAbort(error) || this.#abort.signal.aborted) return;
    if (error instanceof ApiError && error.status === 0) return;
    const { error: text, causes, hint } = sentences(error);
    this.#setProblem([text, ...causes, ...(hint === null ? [] : [hint])].join(": "));
  }

  /** @param {Connection} connection */
  #setConnection(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.dispatchEvent(new Event("connection"));
  }

  /** @param {string} problem */
  #setProblem(problem) {
    if (this.problem === problem) return;
    this.problem = problem;
    this.dispatchEvent(new Event("connection"));
  }
}
