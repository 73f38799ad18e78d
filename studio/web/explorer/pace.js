/** A drag is smooth if a picture takes no longer. */
const SMOOTH_MS = 100;
/** If a picture takes longer, one that waits for it would be of where the hand was. */
const BRIEF_MS = 40;

/** How long pictures take, as moving means, and so which level of detail a moving hand can have. */
export class Pace {
  /** @type {Map<number, number>} round trip by level */
  #roundTrips = new Map();
  /** @type {number[]} */
  #times = [];
  drawMs = 0;
  roundTripMs = 0;

  /**
   * @param {number} coarser
   * @param {number} drawMs
   * @param {number} roundTripMs
   */
  add(coarser, drawMs, roundTripMs) {
    const before = this.#roundTrips.get(coarser);
    const mean = before === undefined ? roundTripMs : before * 0.8 + roundTripMs * 0.2;
    this.#roundTrips.set(coarser, mean);
    // What was slow a while ago need not be: a level has at most four times the work of the next.
    for (const [level, known] of this.#roundTrips) {
      if (level !== coarser) this.#roundTrips.set(level, Math.min(known, mean * (level < coarser ? 4 ** (coarser - level) : 1)));
    }
    this.drawMs = this.drawMs === 0 ? drawMs : this.drawMs * 0.8 + drawMs * 0.2;
    this.roundTripMs = roundTripMs;
    this.#times.push(performance.now());
    if (this.#times.length > 120) this.#times.shift();
  }

  /** How many pictures a moving hand asks for at once: two, so that the server draws one while the other is on its way and decoded. */
  get atOnce() {
    return this.roundTripMs > 0 && this.roundTripMs < BRIEF_MS ? 2 : 1;
  }

  /** Pictures in the last second. */
  get perSecond() {
    const since = performance.now() - 1000;
    return this.#times.filter((time) => time > since).length;
  }

  /** @param {number} coarser */
  #expected(coarser) {
    const known = this.#roundTrips.get(coarser);
    if (known !== undefined) return known;
    // A level less has a quarter of the pixels and, as fine layers are thin, about a third of the work.
    const nearest = [...this.#roundTrips.keys()].sort((a, b) => Math.abs(a - coarser) - Math.abs(b - coarser))[0];
    return nearest === undefined ? 0 : (this.#roundTrips.get(nearest) ?? 0) / 3 ** (coarser - nearest);
  }

  /**
   * As few levels below the full one as keep a drag smooth.
   *
   * @param {number} most
   */
  level(most) {
    let level = 0;
    while (level < most && this.#expected(level) > SMOOTH_MS) level += 1;
    return level;
  }

  forget() {
    this.#roundTrips.clear();
    this.drawMs = 0;
    this.roundTripMs = 0;
  }
}
