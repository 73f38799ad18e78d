import { legalPlace, ROW } from "./plane.js";

/** Noise that changes faster only flickers. */
const NOISE_PER_SECOND = 12;

/** Anim: walks through the plane by itself, and draws new noise. A run of it is one step of undo. */
export class Player {
  walking = false;
  noise = false;
  #frame = 0;
  #before = 0;
  #noiseAt = 0;

  /**
   * @param {import("./app.js").App} app
   * @param {() => void} changed
   */
  constructor(app, changed) {
    this.app = app;
    this.changed = changed;
    app.onEnd(() => cancelAnimationFrame(this.#frame));
  }

  /** @param {boolean} [on] */
  walk(on = !this.walking) {
    this.#switch(() => {
      this.walking = on;
    });
  }

  /** @param {boolean} [on] */
  animateNoise(on = !this.noise) {
    this.#switch(() => {
      this.noise = on;
    });
  }

  stop() {
    if (this.walking || this.noise) this.#switch(() => {
      this.walking = false;
      this.noise = false;
    });
  }

  /** @param {() => void} change */
  #switch(change) {
    const ran = this.walking || this.noise;
    change();
    const runs = this.walking || this.noise;
    if (!ran && runs) {
      this.app.store.mark();
      this.#before = performance.now();
      this.#frame = requestAnimationFrame((time) => this.#tick(time));
    }
    this.app.playing = runs;
    if (!runs) {
      cancelAnimationFrame(this.#frame);
      this.app.store.put({});
    }
    this.changed();
  }

  /** @param {number} time */
  #tick(time) {
    const { app } = this;
    const seconds = Math.min(Math.max(0, time - this.#before), 250) / 1000;
    this.#before = time;
    /** @type {Partial<import("./controls.js").Controls>} */
    const patch = {};
    if (this.walking) {
      const x = app.now.x + app.session.speed * seconds;
      // The seed behind the end of a row is the first of the next.
      const place = x >= ROW ? { x: x - ROW, y: app.now.y + 1 } : x < 0 ? { x: app.now.y >= 1 ? x + ROW : 0, y: Math.max(0, app.now.y - 1) } : { x, y: app.now.y };
      Object.assign(patch, legalPlace(place.x, place.y), app.withPlane());
    }
    if (this.noise && time - this.#noiseAt > 1000 / NOISE_PER_SECOND) {
      this.#noiseAt = time;
      Object.assign(patch, { noise: "random", noiseSeed: (app.now.noiseSeed + 1) % 2 ** 31 });
    }
    if (Object.keys(patch).length) app.store.put(patch);
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
  }
}
