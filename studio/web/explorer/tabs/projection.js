import * as api from "../../api.js";
import { button } from "../../components/button.js";
import { errorNotice } from "../../components/notice.js";
import { toastError } from "../../components/toast.js";
import { fill, h, saveBlob } from "../../dom.js";
import { lossCurve } from "./loss-curve.js";

/** @typedef {{name: string, steps: number, model: number}} Projected */

/**
 * A projection under way: the photo and the picture beside it, the loss, Stop; then its latents.
 *
 * @param {import("../app.js").App} app
 * @param {(busy: boolean) => void} busy
 */
export function projectionPanel(app, busy) {
  const target = h("img", { alt: "The photo as it is projected" });
  const current = h("img", { alt: "Picture of the network", hidden: true });
  const none = h("div", { class: "none" }, "Not projected yet");
  const curve = lossCurve(app);
  const bar = h("div");
  const progress = h("div", { class: "progress", role: "progressbar", "aria-label": "Projection", "aria-valuemin": "0" }, bar);
  const status = h("span", { class: "small number muted grow", role: "status" });
  const stop = button("Stop", () => {
    if (job !== null) api.stopJob(job).catch(toastError);
  }, { icon: "stop", className: "tiny" });
  const edit = button("Edit here", editHere, { className: "primary tiny" });
  const save = button("Save latents", () => void saveLatents(), { icon: "download", className: "tiny" });
  const problem = h("div");
  const work = h("div", { class: "stack", hidden: true }, progress, h("div", { class: "row wrap" }, status, stop, save, edit), problem, curve.element);
  const element = h("div", { class: "stack projection" },
    h("div", { class: "pair" },
      h("figure", null, target, h("figcaption", { class: "small muted" }, "Photo")),
      h("figure", null, none, current, h("figcaption", { class: "small muted" }, "Projection"))),
    work);

  /** @type {string | number | null} */
  let job = null;
  /** @type {import("../../types.js").LatentsId | null} */
  let latents = null;
  /** @type {Projected} */
  let projected = { name: "", steps: 0, model: 0 };
  let pictures = 0;
  let wanted = 0;
  let fetching = false;
  let unwatch = () => {};
  const urls = { target: "", current: "" };

  /**
   * @param {"target" | "current"} which
   * @param {HTMLImageElement} image
   * @param {Blob} blob
   */
  function show(which, image, blob) {
    if (urls[which]) URL.revokeObjectURL(urls[which]);
    urls[which] = URL.createObjectURL(blob);
    image.src = urls[which];
  }

  /** Fetches the newest picture, one at a time. */
  async function fetchPicture() {
    if (fetching || job === null) return;
    fetching = true;
    try {
      while (pictures < wanted) {
        pictures = wanted;
        show("current", current, await api.jobPicture(job, pictures));
        current.hidden = false;
        none.hidden = true;
      }
    } catch {
      // The next event brings the next picture.
    } finally {
      fetching = false;
    }
  }

  /** @param {import("../../types.js").JobState} state */
  function told(state) {
    const running = state.state === "running" || state.state === "waiting";
    bar.style.width = `${(state.done / Math.max(1, state.total)) * 100}%`;
    progress.setAttribute("aria-valuenow", String(state.done));
    progress.setAttribute("aria-valuemax", String(state.total));
    if (state.loss !== null) curve.add(state.done, state.loss);
    const words = { waiting: "Waiting", running: "Projecting", done: "Done", stopped: "Stopped", failed: "Failed" };
    status.textContent = [words[state.state], `${state.done} of ${state.total} steps`, state.loss === null ? "" : `loss ${state.loss.toPrecision(3)}`, state.psnr === null ? "" : `PSNR ${state.psnr.toFixed(1)} dB`].filter(Boolean).join(" · ");
    wanted = state.pictures;
    void fetchPicture();
    stop.hidden = !running;
    latents = state.latents;
    edit.hidden = latents === null;
    save.hidden = latents === null;
    if (running) return;
    unwatch();
    busy(false);
    if (state.error) fill(problem, errorNotice(new api.ApiError(state.error.error, state.error)));
    if (latents !== null) app.session.files.set(latents, { name: `Projection of ${projected.name}`, count: 1 });
  }

  function editHere() {
    if (latents === null) return;
    app.store.set({ model: projected.model, base: "@0:1", latents, share: 0, psi: 1, mixLayers: [], moves: {} });
    app.store.put({ tab: "picture" });
  }

  async function saveLatents() {
    if (latents === null) return;
    try {
      saveBlob(await api.getBlob(`/api/latents/${latents}`), "latents.safetensors");
    } catch (error) {
      toastError(error);
    }
  }

  return {
    element,
    /** @param {Blob} blob the photo as it would be projected */
    showTarget: (blob) => show("target", target, blob),
    /**
     * @param {string | number} next
     * @param {Projected} what
     */
    watch(next, what) {
      unwatch();
      job = next;
      projected = what;
      app.session.projection = { job: next, what };
      pictures = 0;
      wanted = 0;
      fill(problem);
      work.hidden = false;
      edit.hidden = true;
      save.hidden = true;
      stop.hidden = false;
      curve.clear(what.steps);
      busy(true);
      api.jobTarget(next).then((blob) => show("target", target, blob), () => {});
      unwatch = api.watchJob(next, told, (connected) => {
        if (!connected) status.textContent = "The connection is lost; trying again";
      });
    },
    end() {
      unwatch();
      for (const url of Object.values(urls)) if (url) URL.revokeObjectURL(url);
    },
  };
}
