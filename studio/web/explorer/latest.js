import { isAbort } from "../api.js";

/**
 * Runs the newest job once changes have paused for `wait` ms; an older one that still runs is aborted.
 */
export class Latest {
  #timer = 0;
  /** @type {AbortController | null} */
  #abort = null;

  /** @param {number} wait in ms */
  constructor(wait) {
    this.wait = wait;
  }

  /**
   * @param {(signal: AbortSignal) => Promise<void>} job
   * @param {(error: unknown) => void} failed
   */
  run(job, failed) {
    this.stop();
    this.#timer = setTimeout(async () => {
      const abort = new AbortController();
      this.#abort = abort;
      try {
        await job(abort.signal);
      } catch (error) {
        if (!isAbort(error)) failed(error);
      }
    }, this.wait);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }
}
