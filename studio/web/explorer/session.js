import { History } from "./history.js";
import { Keyframes } from "./keyframes.js";
import { Store } from "./store.js";

/**
 * What outlives a look at another page of the studio; it is gone when the browser's page is.
 *
 * @typedef {object} Session
 * @property {Store} store
 * @property {History} history
 * @property {Keyframes} keyframes
 * @property {Map<import("../types.js").LatentsId, {name: string, count: number}>} files latents and directions that were dropped in
 * @property {FilmSettings} film
 * @property {{photo: import("../types.js").Photo, name: string, points: import("../types.js").Point[], whole: boolean} | null} photo
 * @property {{job: string | number, what: import("./tabs/projection.js").Projected} | null} projection the last one, which goes on by itself
 * @property {number} speed of Anim, in seeds per second
 */

/**
 * @typedef {object} FilmSettings
 * @property {number} frames
 * @property {number} fps
 * @property {"mp4" | "gif" | "apng"} format
 * @property {"straight" | "spline" | "smooth"} path
 * @property {boolean} looping
 * @property {"none" | "in-out"} easing
 */

/** @type {Session} */
export const session = {
  store: new Store(),
  history: new History(),
  keyframes: new Keyframes(),
  files: new Map(),
  film: { frames: 96, fps: 24, format: "mp4", path: "straight", looping: true, easing: "in-out" },
  photo: null,
  projection: null,
  speed: 0.5,
};
