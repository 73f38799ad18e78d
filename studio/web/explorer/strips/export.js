import * as api from "../../api.js";
import { button } from "../../components/button.js";
import { copyCommand } from "../../components/copy.js";
import { openDialog } from "../../components/dialog.js";
import { errorNotice } from "../../components/notice.js";
import { numberBox } from "../../components/number.js";
import { segmented } from "../../components/segmented.js";
import { toast } from "../../components/toast.js";
import { fill, h, saveBlob } from "../../dom.js";
import { toDraw } from "../draws.js";

/** @typedef {import("../session.js").FilmSettings} FilmSettings */

/**
 * The film through the keyframes as a file: settings, progress, download.
 *
 * @param {import("../app.js").App} app
 */
export function exportFilm(app) {
  const { film, keyframes } = app.session;
  const { model } = app;
  if (!model) return;
  const draws = keyframes.frames.map((frame) => toDraw(frame.controls, model));
  const first = draws[0];
  if (!first) return;

  /** @returns {import("../../types.js").Film} */
  const what = () => ({ keyframes: draws, seeds: null, frames: film.frames, fps: film.fps, format: film.format, path: film.path, looping: film.looping, space: "w", easing: film.easing, layers: null, seconds: 4, draw: first });

  const length = h("span", { class: "muted number" });
  const tell = () => {
    length.textContent = `${(film.frames / film.fps).toFixed(1)} s through ${draws.length} keyframes`;
  };
  tell();
  const format = segmented("Format", [{ value: "mp4", label: "MP4" }, { value: "gif", label: "GIF" }, { value: "apng", label: "APNG" }], film.format, (value) => {
    film.format = /** @type {FilmSettings["format"]} */ (value);
  });
  const path = segmented("Path", [{ value: "straight", label: "Straight" }, { value: "spline", label: "Spline", title: "A smooth curve through all keyframes" }], film.path, (value) => {
    film.path = /** @type {FilmSettings["path"]} */ (value);
  });
  const easing = segmented("Easing", [{ value: "in-out", label: "In and out" }, { value: "none", label: "Even" }], film.easing, (value) => {
    film.easing = /** @type {FilmSettings["easing"]} */ (value);
  });
  const looping = h("input", { type: "checkbox", checked: film.looping, onchange: () => {
    film.looping = looping.checked;
  } });
  const frames = numberBox({ label: "Frames", min: 2, max: 10_000, value: film.frames }, (value) => {
    film.frames = value;
    tell();
  });
  const fps = numberBox({ label: "Frames per second", min: 1, max: 60, value: film.fps }, (value) => {
    film.fps = value;
    tell();
  });

  const mixed = draws.some((draw) => draw.noise_mode !== first.noise_mode || draw.noise_seed !== first.noise_seed);
  const bar = h("div");
  const progress = h("div", { class: "progress", role: "progressbar", "aria-label": "Film", "aria-valuemin": "0", hidden: true }, bar);
  const status = h("span", { class: "small number muted", role: "status" });
  const problem = h("div");
  const start = button("Export", () => void run(), { className: "primary" });
  const stop = button("Stop", () => {
    if (job !== null) api.stopJob(job).catch((error) => fill(problem, errorNotice(error)));
  }, { icon: "stop" });
  stop.hidden = true;
  /** @type {string | number | null} */
  let job = null;
  let unwatch = () => {};
  let running = false;

  const saveLatents = button("Save latents", async () => {
    try {
      const { latents } = await api.latentsOf(/** @type {import("../../types.js").Model} */ (model).model, draws);
      saveBlob(await api.getBlob(`/api/latents/${latents}`), "latents.safetensors");
    } catch (error) {
      fill(problem, errorNotice(error));
    }
  }, { title: "The keyframes as the command reads them, latents.safetensors" });

  async function run() {
    fill(problem);
    start.disabled = true;
    try {
      job = (await api.startFilm(/** @type {import("../../types.js").Model} */ (model).model, what())).job;
    } catch (error) {
      start.disabled = false;
      fill(problem, errorNotice(error));
      return;
    }
    progress.hidden = false;
    stop.hidden = false;
    running = true;
    unwatch = api.watchJob(job, told, (connected) => {
      if (!connected) status.textContent = "The connection is lost; trying again";
    });
  }

  /** @param {import("../../types.js").JobState} state */
  function told(state) {
    bar.style.width = `${(state.done / Math.max(1, state.total)) * 100}%`;
    progress.setAttribute("aria-valuenow", String(state.done));
    progress.setAttribute("aria-valuemax", String(state.total));
    status.textContent = { waiting: "Waiting for another film", running: `${state.done} of ${state.total} frames`, done: "Done", stopped: "Stopped", failed: "Failed" }[state.state];
    if (state.state === "running" || state.state === "waiting") return;
    unwatch();
    running = false;
    stop.hidden = true;
    start.disabled = false;
    if (state.error) fill(problem, errorNotice(new api.ApiError(state.error.error, state.error)));
    if (state.state === "done") void download();
  }

  async function download() {
    if (job === null) return;
    try {
      const response = await api.jobFile(job);
      const name = /filename="?([^";]+)/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? `film.${film.format === "apng" ? "png" : film.format}`;
      const blob = await response.blob();
      saveBlob(blob, name);
      status.textContent = `Done: ${name}, ${(blob.size / 1e6).toFixed(1)} MB`;
      start.textContent = "Export again";
    } catch (error) {
      fill(problem, errorNotice(error));
    }
  }

  openDialog("Export film", [
    h("div", { class: "form" },
      h("span", { class: "muted" }, "Format"), format,
      h("span", { class: "muted" }, "Path"), path,
      h("span", { class: "muted" }, "Easing"), easing,
      h("span", { class: "muted" }, "Length"), h("div", { class: "row wrap" }, frames, fps, length),
      h("span", { class: "muted" }, "End"), h("label", { class: "check" }, looping, "Goes back to the first keyframe")),
    progress, status, problem,
    mixed ? h("p", { class: "hint" }, "Noise is that of the first keyframe") : null,
  ], { foot: [h("span", { class: "grow row" }, copyCommand(() => app.command({ film: what() })), saveLatents), stop, start], closed: () => {
    if (running) toast("The film goes on; it is downloaded when it is done");
  } });
}
