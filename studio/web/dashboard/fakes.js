/** The pictures of the same latents through the training, under a slider; the reals beside them. */

import { getBlob, isAbort, sentences } from "../api.js";
import { button, iconButton } from "../components/button.js";
import { icon } from "../components/icon.js";
import { segmented } from "../components/segmented.js";
import { fill, h } from "../dom.js";
import { nearest } from "./decimate.js";
import { kimg } from "./format.js";
import { PictureCache } from "./picture-cache.js";

const PLAY_MS = 300;

export class Fakes {
  /** @param {import("./run-data.js").RunData} data @param {import("./view.js").View} view @param {import("./timeline.js").Timeline} timeline */
  constructor(data, view, timeline) {
    this.#data = data;
    this.#view = view;
    this.#timeline = timeline;
    this.#pictures = new PictureCache((file) => getBlob(`/api/runs/${data.run}/pictures/${encodeURIComponent(file)}`));
    this.#kinds = segmented(
      "Pictures",
      [
        { value: "fakes", label: "Fakes" },
        { value: "both", label: "Both", title: "Fakes and reals beside each other" },
        { value: "reals", label: "Reals" },
      ],
      view.pictures,
      (pictures) => view.set({ pictures }),
    );
    this.#slider.addEventListener("input", () => this.#pick(Number(this.#slider.value)));
    this.actions = [this.#newest, this.#kinds];
    this.element.append(this.#figures, this.#controls());
    data.addEventListener("info", this.#onInfo);
    data.addEventListener("rewritten", this.#onRewritten);
    view.addEventListener("at", this.#show);
    view.addEventListener("change", this.#show);
    timeline.addEventListener("hover", this.#show);
    this.#onInfo();
  }

  element = h("div", { class: "fakes" });

  #data;
  #view;
  #timeline;
  #pictures;
  #kinds;
  /** @type {import("./types.js").Grid[]} */
  #grids = [];
  #figures = h("div", { class: "fakes-figures" });
  #slider = h("input", { type: "range", "aria-label": "Time of the fakes", step: "1", min: "0" });
  #place = h("output", { class: "fakes-place number" });
  #play = iconButton("play", "Play", () => this.#togglePlay(), { className: "quiet icon" });
  #back = iconButton("left", "Picture before", () => this.#go(-1), { className: "quiet icon" });
  #on = iconButton("right", "Next picture", () => this.#go(1), { className: "quiet icon" });
  #newest = button("Newest", () => this.#view.set({ at: null }), { className: "tiny", title: "Follow the newest picture" });
  #fakes = pictureFigure("Fakes");
  #reals = pictureFigure("Reals");
  #timer = 0;
  #isPlaying = false;
  #shown = "";

  destroy() {
    this.#stop();
    this.#pictures.clear();
    this.#data.removeEventListener("info", this.#onInfo);
    this.#data.removeEventListener("rewritten", this.#onRewritten);
    this.#view.removeEventListener("at", this.#show);
    this.#view.removeEventListener("change", this.#show);
    this.#timeline.removeEventListener("hover", this.#show);
  }

  /** One picture on or back, as the arrow keys do. @param {number} step */
  go(step) {
    this.#go(step);
  }

  togglePlay() {
    this.#togglePlay();
  }

  #controls() {
    return h("div", { class: "fakes-controls" }, this.#back, this.#play, this.#on, this.#slider, this.#place);
  }

  #onInfo = () => {
    const { info } = this.#data;
    if (info === null) return;
    this.#grids = info.grids.filter(({ name }) => name === "fakes").sort((one, other) => one.kimg - other.kimg);
    this.#kinds.hidden = info.reals === null;
    this.#slider.max = String(Math.max(0, this.#grids.length - 1));
    this.#show();
  };

  /** A run that was taken back draws other pictures under the same names. */
  #onRewritten = () => {
    this.#pictures.clear();
    this.#shown = "";
    this.#show();
  };

  /** Where the pointer is on a plot, else where the slider stands. */
  #index() {
    const { hover } = this.#timeline;
    const at = hover === null ? this.#view.at : this.#view.axis === "time" ? this.#data.kimgAt(hover) : hover;
    if (at === null) return this.#grids.length - 1;
    return nearest(this.#grids.map(({ kimg }) => kimg), at);
  }

  #show = () => {
    const { info } = this.#data;
    if (info === null) return;
    const index = this.#index();
    const grid = this.#grids[index];
    const hasReals = info.reals !== null;
    const kind = hasReals ? this.#view.pictures : "fakes";
    if (this.#kinds.value !== this.#view.pictures) this.#kinds.value = this.#view.pictures;
    this.#slider.disabled = this.#grids.length < 2;
    this.#play.disabled = this.#grids.length < 2;
    this.#back.disabled = index <= 0;
    this.#on.disabled = index < 0 || index >= this.#grids.length - 1;
    this.#newest.hidden = this.#view.at === null;
    if (grid !== undefined) {
      this.#slider.value = String(index);
      this.#slider.style.setProperty("--fill", `${(100 * index) / Math.max(1, this.#grids.length - 1)}%`);
      this.#slider.setAttribute("aria-valuetext", `${kimg(grid.kimg)}, picture ${index + 1} of ${this.#grids.length}`);
      this.#place.textContent = kimg(grid.kimg);
    }
    const shown = JSON.stringify([grid?.file, kind, info.reals]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (grid === undefined && !(hasReals && kind !== "fakes")) {
      fill(this.#figures, h("p", { class: "empty" }, "No pictures yet"));
      return;
    }
    const figures = [kind !== "reals" && grid !== undefined ? this.#fakes : null, kind !== "fakes" ? this.#reals : null];
    this.#figures.classList.toggle("is-both", kind === "both");
    const wanted = figures.flatMap((figure) => (figure === null ? [] : [figure.element]));
    if (wanted.length !== this.#figures.children.length || wanted.some((element, at) => this.#figures.children[at] !== element)) {
      this.#figures.replaceChildren(...wanted);
    }
    if (grid !== undefined) void this.#fill(this.#fakes, grid.file, `Fakes at ${kimg(grid.kimg)}`);
    if (info.reals !== null && kind !== "fakes") void this.#fill(this.#reals, info.reals, "Reals");
    for (const near of [index + 1, index - 1]) {
      const file = this.#grids[near]?.file;
      if (file !== undefined && kind !== "reals") this.#pictures.prefetch(file);
    }
  };

  /** Until the picture is there, the one before stays. @param {ReturnType<typeof pictureFigure>} figure @param {string} file @param {string} text */
  async #fill(figure, file, text) {
    figure.wanted = file;
    try {
      const url = await this.#pictures.url(file);
      if (figure.wanted === file) figure.show(url, text);
    } catch (error) {
      if (!isAbort(error) && figure.wanted === file) figure.fail(sentences(error).error);
    }
  }

  /** @param {number} index */
  #pick(index) {
    this.#stop();
    this.#choose(index);
  }

  /** @param {number} index */
  #choose(index) {
    // A pointer that rests on a plot would hold the pictures there.
    this.#timeline.point(null);
    const isNewest = index === this.#grids.length - 1 && !this.#isPlaying;
    this.#view.set({ at: isNewest ? null : (this.#grids[index]?.kimg ?? null) });
  }

  /** @param {number} step */
  #go(step) {
    this.#stop();
    const index = Math.min(Math.max(this.#index() + step, 0), this.#grids.length - 1);
    this.#choose(index);
  }

  #togglePlay() {
    if (this.#isPlaying) return this.#stop();
    if (this.#grids.length < 2) return;
    this.#isPlaying = true;
    this.#showPlay();
    const start = this.#index();
    void this.#playFrom(start >= this.#grids.length - 1 ? 0 : start + 1);
  }

  /** Waits for each picture, so that none is left out on a slow line. @param {number} index */
  async #playFrom(index) {
    if (!this.#isPlaying) return;
    if (index >= this.#grids.length) {
      this.#stop();
      this.#view.set({ at: null });
      return;
    }
    const begun = performance.now();
    await this.#pictures.url(this.#grids[index].file).catch(() => null);
    if (!this.#isPlaying) return;
    this.#choose(index);
    this.#timer = window.setTimeout(() => void this.#playFrom(index + 1), Math.max(0, PLAY_MS - (performance.now() - begun)));
  }

  #stop() {
    clearTimeout(this.#timer);
    if (!this.#isPlaying) return;
    this.#isPlaying = false;
    this.#showPlay();
  }

  #showPlay() {
    const label = this.#isPlaying ? "Stop playing" : "Play";
    this.#play.replaceChildren(icon(this.#isPlaying ? "pause" : "play"));
    this.#play.setAttribute("aria-label", label);
    this.#play.title = label;
  }
}

/** A picture with what it shows. @param {string} label */
function pictureFigure(label) {
  const image = h("img", { alt: label, decoding: "async" });
  const link = h("a", { class: "picture-link", target: "_blank", rel: "noopener", title: "Open in full size" }, image);
  const caption = h("figcaption", { class: "small muted" }, label);
  const element = h("figure", { class: "picture is-empty" }, link, caption);
  const figure = {
    element,
    wanted: "",
    /** @param {string} url @param {string} text */
    show(url, text) {
      image.onload = () => {
        element.classList.toggle("is-small", image.naturalWidth < 2 * image.clientWidth);
        caption.textContent = `${text}, ${image.naturalWidth}x${image.naturalHeight} pixels`;
      };
      image.src = url;
      image.alt = text;
      link.href = url;
      element.classList.remove("is-empty");
    },
    /** @param {string} text */
    fail(text) {
      caption.textContent = `${label}: ${text}`;
    },
  };
  return figure;
}
