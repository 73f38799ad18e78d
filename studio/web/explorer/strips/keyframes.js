import { picture as askPicture } from "../../api.js";
import { button, iconButton } from "../../components/button.js";
import { copyCommand } from "../../components/copy.js";
import { toast } from "../../components/toast.js";
import { h } from "../../dom.js";
import { toDraw } from "../draws.js";
import { MOST_KEYFRAMES } from "../keyframes.js";
import { describe } from "../naming.js";
import { thumbnail } from "../thumbnail.js";
import { exportFilm } from "./export.js";
import { Preview } from "./preview.js";
import { strip } from "./strip.js";

/**
 * The keyframes of a film: add, order, preview, export.
 *
 * @param {import("../app.js").App} app
 * @param {ReturnType<typeof import("../tabs/picture.js").pictureTab>} picture
 */
export function keyframeStrip(app, picture) {
  const { keyframes } = app.session;
  const byId = (/** @type {number} */ id) => keyframes.frames.find((frame) => frame.id === id);
  const row = strip("Keyframes", {
    recalled(id) {
      const frame = byId(id);
      if (!frame) return;
      preview.stop();
      keyframes.select(id);
      app.store.set({ ...frame.controls, model: app.now.model, tab: "picture" });
    },
    removed(id) {
      const frame = byId(id);
      if (frame) keyframes.remove(frame);
    },
    moved(id, to) {
      const frame = byId(id);
      if (frame) keyframes.move(frame, to);
    },
  });

  const preview = new Preview(app, picture, (at) => {
    play.textContent = at === null ? "Preview" : "Stop";
    play.setAttribute("aria-pressed", String(at !== null));
    if (at !== null) {
      const frame = keyframes.frames[Math.round(at) % keyframes.frames.length];
      if (frame && frame.id !== keyframes.selected) keyframes.select(frame.id);
    }
  });

  const moveBy = (/** @type {number} */ by) => () => {
    const { current } = keyframes;
    if (current) keyframes.move(current, keyframes.frames.indexOf(current) + by);
  };
  const add = button("Add", addFrame, { icon: "plus", className: "tiny", title: "Add the picture as a keyframe (K)" });
  const left = iconButton("left", "Move earlier", moveBy(-1), { key: "Alt+Left", className: "quiet icon tiny" });
  const right = iconButton("right", "Move later", moveBy(1), { key: "Alt+Right", className: "quiet icon tiny" });
  const remove = iconButton("trash", "Remove", () => {
    if (keyframes.current) keyframes.remove(keyframes.current);
  }, { key: "Delete", className: "quiet icon tiny" });
  const play = button("Preview", () => preview.toggle(), { className: "tiny", title: "Play the keyframes (P)" });
  const save = button("Export…", () => {
    preview.stop();
    exportFilm(app);
  }, { className: "tiny", title: "As MP4, GIF or APNG (E)" });
  const copy = copyCommand(() => {
    const { model } = app;
    if (!model) return "";
    const draws = keyframes.frames.map((frame) => toDraw(frame.controls, model));
    const { frames, fps, format, path, looping, easing } = app.session.film;
    return app.command({ film: { keyframes: draws, seeds: null, frames, fps, format, path, looping, space: "w", easing, layers: null, seconds: 4, draw: draws[0] } });
  }, { small: true });
  const empty = h("p", { class: "hint strip-empty" }, "Add two pictures or more to make a film");

  function addFrame() {
    const frame = keyframes.add(app.now);
    if (!frame) {
      toast(`A film has at most ${MOST_KEYFRAMES} keyframes`, { kind: "warning" });
      return;
    }
    const { png } = picture;
    if (png) void thumbnail(png.blob).then((thumb) => keyframes.setThumb(frame, thumb), () => fetchThumbs());
    else void fetchThumbs();
  }

  const without = () => keyframes.frames.find((frame) => !frame.thumb);
  let fetching = false;
  /** Keyframes that came with the URL have no pictures yet. */
  async function fetchThumbs() {
    const { model } = app;
    if (!model || fetching) return;
    fetching = true;
    try {
      // More may be added meanwhile.
      for (let frame = without(); frame; frame = without()) {
        const { blob } = await askPicture(model.model, toDraw(frame.controls, model), Math.min(model.coarser, model.resolution.width > 256 ? 2 : 0));
        keyframes.setThumb(frame, await thumbnail(blob));
      }
    } catch {
      // The next keyframe, or the next network, is another chance.
    } finally {
      fetching = false;
    }
  }
  app.onModel(() => void fetchThumbs());

  function show() {
    const { frames, current } = keyframes;
    row.show(frames.map((frame) => ({ id: frame.id, thumb: frame.thumb, name: describe(frame.controls) })), keyframes.selected);
    empty.hidden = frames.length > 0;
    const at = current ? frames.indexOf(current) : -1;
    left.disabled = at < 1;
    right.disabled = at < 0 || at === frames.length - 1;
    remove.disabled = at < 0;
    play.disabled = frames.length < 2;
    save.disabled = frames.length < 2;
    copy.hidden = frames.length < 2;
    for (const button of [left, right, remove]) button.hidden = frames.length === 0;
  }
  keyframes.addEventListener("change", show);
  app.onEnd(() => {
    keyframes.removeEventListener("change", show);
    preview.stop();
  });
  show();

  return {
    element: h("section", { class: "strip-box", "aria-label": "Keyframes" }, h("header", null, h("h2", { class: "grow" }, "Keyframes"), h("span", { class: "row tight" }, left, right, remove, copy), h("span", { class: "row" }, add, play, save)), row.element, empty),
    addFrame,
    preview,
    openExport: () => save.click(),
  };
}
