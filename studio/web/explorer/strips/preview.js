import { latentsOf } from "../../api.js";
import { toastError } from "../../components/toast.js";
import { toDraw } from "../draws.js";
import { writeBlend } from "../plane.js";

/**
 * Plays the keyframes on the canvas, at the speed of the film and on a straight path; each picture is asked for as it is due, so a slow
 * network shows fewer of them. As in the film, truncation and noise are those of the first keyframe.
 */
export class Preview {
  #frame = 0;
  playing = false;
  /** @type {{key: string, latents: import("../../types.js").LatentsId} | null} w of the keyframes, as the server keeps it */
  #kept = null;

  /**
   * @param {import("../app.js").App} app
   * @param {{lend: (draw: import("../../types.js").Draw) => void, giveBack: () => void}} picture
   * @param {(at: number | null) => void} told place in keyframes, null at the end
   */
  constructor(app, picture, told) {
    this.app = app;
    this.picture = picture;
    this.told = told;
    app.onEnd(() => cancelAnimationFrame(this.#frame));
  }

  toggle() {
    if (this.playing) this.stop();
    else void this.start();
  }

  async start() {
    const { app } = this;
    const { model } = app;
    const { frames } = app.session.keyframes;
    if (!model || frames.length < 2) return;
    app.store.put({ tab: "picture" });
    const draws = frames.map((frame) => toDraw(frame.controls, model));
    const [first] = draws;
    if (!first) return;
    this.playing = true;
    this.told(0);
    const key = JSON.stringify([model.model, draws]);
    try {
      if (this.#kept?.key !== key) this.#kept = { key, latents: (await latentsOf(model.model, draws)).latents };
    } catch (error) {
      this.stop();
      toastError(error);
      return;
    }
    if (!this.playing) return;
    const { latents } = this.#kept;
    const { film } = app.session;
    const parts = film.looping ? draws.length : draws.length - 1;
    const seconds = Math.max(0.1, film.frames / film.fps);
    const start = performance.now();
    const tick = (/** @type {number} */ time) => {
      const gone = Math.max(0, time - start) / 1000 / seconds;
      if (gone >= 1 && !film.looping) {
        this.stop();
        return;
      }
      const at = (gone % 1) * parts;
      const from = Math.min(Math.floor(at), parts - 1);
      const share = film.easing === "none" ? at - from : ease(at - from);
      const blend = new Map([[`@${from}`, 1 - share], [`@${(from + 1) % draws.length}`, share]]);
      this.picture.lend({ ...first, blend: writeBlend(blend), latents, styles: null, moves: [], directions: null, class: null, label: null, truncation_psi: 1, truncation_cutoff: null });
      this.told(at);
      this.#frame = requestAnimationFrame(tick);
    };
    this.#frame = requestAnimationFrame(tick);
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.#frame);
    this.picture.giveBack();
    this.told(null);
  }
}

/**
 * In and out, as the film's.
 *
 * @param {number} share
 */
const ease = (share) => share * share * (3 - 2 * share);
