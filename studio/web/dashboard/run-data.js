/** Everything known of a run: what the server says of it, its statistics as they grow, its log. */

import { getJson } from "../api.js";

/** @typedef {import("./types.js").RunInfo} RunInfo */
/** @typedef {import("./types.js").LogLine} LogLine */
/** @typedef {import("./types.js").StatsReply} StatsReply */

/** More lines of a log than these are not kept (nor sent by the server at once). */
const MOST_LINES = 2000;

/**
 * A curve: `xs` are the places of a run's rows or those of a measure.
 *
 * @typedef {{kimg: ArrayLike<number>, elapsed: ArrayLike<number>, ys: ArrayLike<number>, isMeasure: boolean}} Curve
 */

/** Emits `info`, `stats` and `log` when these changed, and `rewritten` when what was read before does not hold any more. */
export class RunData extends EventTarget {
  /** @param {number} run */
  constructor(run) {
    super();
    this.run = run;
    /** @type {RunInfo | null} */
    this.info = null;
    /** @type {number[]} */
    this.kimg = [];
    /** @type {number[]} */
    this.elapsed = [];
    /** @type {Map<string, number[]>} */
    this.numbers = new Map();
    /** @type {LogLine[]} */
    this.lines = [];
    /** Lines that are not kept any more. */
    this.droppedLines = 0;
    this.logEnd = 0;
    /** Whether what is here was read, not only hoped for. */
    this.hasStats = false;
    this.hasLog = false;
    /** Grows with every change of the numbers. */
    this.version = 0;
  }

  get name() {
    return this.info?.name ?? `run ${this.run}`;
  }

  /**
   * Whether the run has its number still: another server gives others.
   *
   * @param {AbortSignal} [signal]
   */
  async readInfo(signal) {
    const info = /** @type {RunInfo} */ (await getJson(`/api/runs/${this.run}`, { signal }));
    if (this.info !== null && info.name !== this.info.name) return false;
    this.info = info;
    this.version += 1;
    this.dispatchEvent(new Event("info"));
    return true;
  }

  /**
   * Reads the rows that are new. The last one that is known is asked for again: if it is another one now, the file was
   * rewritten in between (a run that was taken back), and everything is read anew.
   *
   * @param {AbortSignal} [signal]
   */
  async readStats(signal) {
    const known = this.kimg.length;
    const after = Math.max(0, known - 1);
    let reply = await this.#rowsAfter(after, signal);
    const isSame =
      known === 0 || (reply.count >= known && reply.kimg[0] === this.kimg[after] && sameTime(reply.elapsed_sec[0], this.elapsed[after]));
    if (!isSame) {
      if (after > 0) reply = await this.#rowsAfter(0, signal);
      this.#forget();
      this.#append(reply, 0);
      this.dispatchEvent(new Event("rewritten"));
    } else if (reply.count > known || known === 0) {
      this.#append(reply, known === 0 ? 0 : 1);
    } else {
      return;
    }
    this.hasStats = true;
    this.version += 1;
    this.dispatchEvent(new Event("stats"));
  }

  /**
   * @param {AbortSignal} [signal]
   * @param {number} [length] of the log now, if that is known
   * @returns {Promise<void>}
   */
  async readLog(signal, length) {
    if (length !== undefined && length < this.logEnd) this.#forgetLog();
    const reply = /** @type {import("./types.js").LogReply} */ (
      await getJson(`/api/runs/${this.run}/log?after=${this.logEnd}`, { signal })
    );
    if (reply.end < this.logEnd) {
      this.#forgetLog();
      return this.readLog(signal);
    }
    this.logEnd = reply.end;
    if (reply.lines.length === 0 && this.hasLog) return;
    this.hasLog = true;
    this.lines.push(...reply.lines);
    const surplus = this.lines.length - MOST_LINES;
    if (surplus > 0) {
      this.lines.splice(0, surplus);
      this.droppedLines += surplus;
    }
    this.dispatchEvent(new Event("log"));
  }

  /** The names of all numbers and measures. */
  names() {
    const measures = this.info?.measures ?? [];
    return [...this.numbers.keys(), ...measures.map(({ name }) => this.#measureName(name))];
  }

  /**
   * @param {string} name
   * @returns {Curve | null}
   */
  curve(name) {
    const numbers = this.numbers.get(name);
    if (numbers !== undefined) return { kimg: this.kimg, elapsed: this.elapsed, ys: numbers, isMeasure: false };
    const measure = this.info?.measures?.find((measure) => this.#measureName(measure.name) === name);
    if (measure === undefined) return null;
    const elapsed = measure.kimg.map((kimg) => this.elapsedAt(kimg));
    return { kimg: measure.kimg, elapsed, ys: measure.value.map((value) => value ?? NaN), isMeasure: true };
  }

  /**
   * The last value of a number that is one.
   *
   * @param {string} name
   */
  latest(name) {
    const values = this.numbers.get(name);
    return values?.at(-1) ?? null;
  }

  /**
   * Seconds of training at a time in kimg, between rows as on a line.
   *
   * @param {number} kimg
   */
  elapsedAt(kimg) {
    return interpolate(this.kimg, this.elapsed, kimg);
  }

  /** @param {number} seconds */
  kimgAt(seconds) {
    return interpolate(this.elapsed, this.kimg, seconds);
  }

  /** `swd` is both a measure and a statistic. @param {string} name */
  #measureName(name) {
    return this.numbers.has(name) ? `metric-${name}` : name;
  }

  /** @param {number} after @param {AbortSignal} [signal] */
  async #rowsAfter(after, signal) {
    return /** @type {StatsReply} */ (await getJson(`/api/runs/${this.run}/stats?after=${after}`, { signal }));
  }

  #forget() {
    this.kimg = [];
    this.elapsed = [];
    this.numbers = new Map();
  }

  #forgetLog() {
    this.lines = [];
    this.droppedLines = 0;
    this.logEnd = 0;
  }

  /** @param {StatsReply} reply @param {number} from rows of it that are known already */
  #append(reply, from) {
    const known = this.kimg.length;
    for (let row = from; row < reply.kimg.length; row++) {
      // Plots want places in order; a run that went on may have begun its clock anew.
      this.kimg.push(Math.max(reply.kimg[row], this.kimg.at(-1) ?? -Infinity));
      this.elapsed.push(Math.max(reply.elapsed_sec[row] ?? 0, this.elapsed.at(-1) ?? 0));
    }
    for (const [name, values] of Object.entries(reply.numbers)) {
      let numbers = this.numbers.get(name);
      if (numbers === undefined) {
        numbers = new Array(known).fill(NaN);
        this.numbers.set(name, numbers);
      }
      for (let row = from; row < values.length; row++) numbers.push(values[row] ?? NaN);
    }
    for (const numbers of this.numbers.values()) while (numbers.length < this.kimg.length) numbers.push(NaN);
  }
}

/** @param {number | null} one @param {number} other */
function sameTime(one, other) {
  return one === null || one === other || other > one;
}

/** @param {ArrayLike<number>} xs ascending @param {ArrayLike<number>} ys @param {number} x */
function interpolate(xs, ys, x) {
  const rows = xs.length;
  if (rows === 0) return NaN;
  if (rows === 1 || x <= xs[0]) return xs[0] > 0 ? (x / xs[0]) * ys[0] : ys[0];
  let low = 0;
  let high = rows - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  const share = xs[high] > xs[low] ? (x - xs[low]) / (xs[high] - xs[low]) : 0;
  return ys[low] + share * (ys[high] - ys[low]);
}
