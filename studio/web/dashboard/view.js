/** What a person chose to see of a run, kept in the fragment of the URL. */

/** @typedef {"kimg" | "time"} Axis */
/** @typedef {"fakes" | "both" | "reals"} Pictures */

/** Browsers refuse addresses that change too often. */
const WRITE_AFTER_MS = 250;

/** Emits `change` when anything changed, `at` when only the slider did. */
export class View extends EventTarget {
  /** @param {string} path of the fragment, without parameters @param {URLSearchParams} params */
  constructor(path, params) {
    super();
    this.path = path;
    /** Names of the numbers that are drawn, null for those of the first page. @type {Set<string> | null} */
    this.values = params.has("values") ? new Set(list(params.get("values"))) : null;
    this.log = params.get("log") === "1";
    this.smoothing = clamp(Number(params.get("smooth") ?? 0), 0, 0.99);
    /** @type {Axis} */
    this.axis = params.get("x") === "time" ? "time" : "kimg";
    /** Other runs in the same plots. */
    this.compared = list(params.get("with")).map(Number).filter(Number.isInteger);
    /** Where the slider stands, null for the newest. @type {number | null} */
    this.at = params.has("at") && Number.isFinite(Number(params.get("at"))) ? Number(params.get("at")) : null;
    const pictures = params.get("pictures");
    /** @type {Pictures} */
    this.pictures = pictures === "both" || pictures === "reals" ? pictures : "fakes";
    /** The part of the x axis that is seen, in its unit. @type {[number, number] | null} */
    this.window = windowOf(params.get("zoom"));
  }

  #timer = 0;

  /** @param {Partial<Pick<View, "values" | "log" | "smoothing" | "axis" | "compared" | "at" | "pictures" | "window">>} changes */
  set(changes) {
    Object.assign(this, changes);
    const isSlider = Object.keys(changes).every((key) => key === "at");
    this.dispatchEvent(new Event(isSlider ? "at" : "change"));
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.write(), WRITE_AFTER_MS);
  }

  close() {
    clearTimeout(this.#timer);
  }

  write() {
    // Someone may be on the way to another page already.
    if (location.hash.split("?")[0] !== `#${this.path}`) return;
    const params = new URLSearchParams();
    if (this.values !== null) params.set("values", [...this.values].join(","));
    if (this.log) params.set("log", "1");
    if (this.smoothing > 0) params.set("smooth", String(this.smoothing));
    if (this.axis === "time") params.set("x", "time");
    if (this.compared.length > 0) params.set("with", this.compared.join(","));
    if (this.at !== null) params.set("at", String(this.at));
    if (this.pictures !== "fakes") params.set("pictures", this.pictures);
    if (this.window !== null) params.set("zoom", this.window.map((x) => Number(x.toPrecision(6))).join(","));
    const query = params.toString().replaceAll("%2C", ",");
    history.replaceState(history.state, "", `#${this.path}${query === "" ? "" : `?${query}`}`);
  }
}

/** @param {string | null} text */
function list(text) {
  return (text ?? "").split(",").filter((part) => part !== "");
}

/** @param {string | null} text @returns {[number, number] | null} */
function windowOf(text) {
  const [from, to] = list(text).map(Number);
  return from < to ? [from, to] : null;
}

/** @param {number} value @param {number} least @param {number} most */
function clamp(value, least, most) {
  return Number.isFinite(value) ? Math.min(Math.max(value, least), most) : least;
}
