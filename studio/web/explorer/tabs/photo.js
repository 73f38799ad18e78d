import * as api from "../../api.js";
import { button } from "../../components/button.js";
import { copyCommand } from "../../components/copy.js";
import { drop } from "../../components/drop.js";
import { errorNotice } from "../../components/notice.js";
import { numberBox } from "../../components/number.js";
import { segmented } from "../../components/segmented.js";
import { fill, h } from "../../dom.js";
import { Latest } from "../latest.js";
import { projectionPanel } from "./projection.js";
import { pointEditor, usualPoints } from "./points.js";

const ACCEPT = "image/png,image/jpeg,image/webp,image/bmp,image/tiff";

/**
 * A photo into the network, in three steps: align, project, edit.
 *
 * @param {import("../app.js").App} app
 */
export function photoTab(app) {
  /** @type {import("../../types.js").Photo | null} */
  let photo = null;
  let photoName = "";
  let photoUrl = "";
  let whole = false;
  let space = /** @type {"w" | "w_plus"} */ ("w_plus");
  let steps = 300;
  const cropping = new Latest(80);

  const problem = h("div", { class: "problem-inline" });
  const editor = pointEditor((_, done) => refreshCrop(done ? 0 : 80));
  const found = h("span", { class: "small muted grow" });
  const faces = h("select", { "aria-label": "Face", hidden: true, onchange: () => setFace(Number(faces.value)) });
  const wholeBox = h("input", { type: "checkbox", onchange: () => {
    whole = wholeBox.checked;
    editor.setPoints(whole || !photo ? null : currentPoints);
    refreshCrop(0);
  } });
  const spaceBox = segmented("Space", [
    { value: "w", label: "W", title: "One w for all layers: looks like the network's own pictures" },
    { value: "w_plus", label: "W+", title: "A w for each layer: comes nearer to the photo" },
  ], space, (value) => {
    space = /** @type {"w" | "w_plus"} */ (value);
  });
  const stepsBox = numberBox({ label: "Steps", min: 1, max: 5000, value: steps, standard: 300, help: "Of the search; more come nearer and take longer" }, (value) => {
    steps = value;
  });
  const projectButton = button("Project", () => void start(), { className: "primary" });
  const projection = projectionPanel(app, (busy) => {
    projectButton.disabled = busy;
  });
  /** @type {import("../../types.js").Point[]} */
  let currentPoints = [];

  const taken = (/** @type {File[]} */ [file]) => {
    if (file) void open(file);
  };
  const take = drop({ label: "Drop or choose a photo…", accept: ACCEPT }, taken);
  const another = drop({ label: "Another…", accept: ACCEPT, small: true }, taken);
  const empty = h("div", { class: "empty grow" },
    h("strong", null, "A photo in this network"),
    h("span", null, "It is aligned by five points, projected, and then edited like any other picture"),
    take);
  const work = h("div", { class: "photo-work", hidden: true },
    h("section", { class: "photo-step stack", "aria-label": "Align" },
      h("div", { class: "row" }, h("h2", null, "Align"), found, faces, h("div", null, another)),
      editor.element,
      h("label", { class: "check small" }, wholeBox, "Take the photo whole, without aligning")),
    h("section", { class: "photo-step stack", "aria-label": "Project" },
      h("div", { class: "row" }, h("h2", { class: "grow" }, "Project"), copyCommand(command, { small: true })),
      h("div", { class: "row wrap project-settings" }, spaceBox, stepsBox, projectButton),
      projection.element));

  app.onEnd(() => {
    cropping.stop();
    projection.end();
    if (photoUrl) URL.revokeObjectURL(photoUrl);
  });

  function command() {
    const name = photoName.replaceAll("'", "'\\''") || "PHOTO.jpg";
    return `stylegan project '${name}' --checkpoint ${app.model?.command ?? "RUN"} --space ${space} --steps ${steps}${whole ? " --align off" : ""} --out projected`;
  }

  /** @param {unknown} error */
  const failed = (error) => fill(problem, errorNotice(error));

  /** @param {File} file */
  async function open(file) {
    fill(problem);
    found.textContent = "Opening";
    try {
      const next = await api.uploadPhoto(file);
      await show(next, file.name);
      whole = false;
      wholeBox.checked = false;
      setFace(0);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * @param {import("../../types.js").Photo} next
   * @param {string} name
   */
  async function show(next, name) {
    const blob = await api.photoPicture(next.photo);
    photo = next;
    photoName = name;
    if (photoUrl) URL.revokeObjectURL(photoUrl);
    photoUrl = URL.createObjectURL(blob);
    editor.setPhoto(photoUrl, next.width, next.height);
    empty.hidden = true;
    work.hidden = false;
    faces.hidden = next.faces.length < 2;
    fill(faces, ...next.faces.map((_, at) => h("option", { value: String(at) }, `Face ${at + 1} of ${next.faces.length}`)));
    found.textContent = next.faces.length ? "Drag a point where it is not right" : "No face was found: drag the points onto it";
  }

  /** After a look at another page of the studio. */
  async function comeBack() {
    const { photo: before, projection: last } = app.session;
    if (!before) return;
    await show(before.photo, before.name);
    whole = before.whole;
    wholeBox.checked = whole;
    currentPoints = before.points;
    editor.setPoints(currentPoints);
    if (whole) editor.setPoints(null);
    refreshCrop(0);
    if (last) projection.watch(last.job, last.what);
  }

  /** @param {number} at */
  function setFace(at) {
    if (!photo) return;
    currentPoints = photo.faces[at] ?? usualPoints(photo.width, photo.height);
    editor.setPoints(currentPoints);
    refreshCrop(0);
  }

  const points = () => (whole ? null : editor.points);

  /** @param {number} wait */
  function refreshCrop(wait) {
    const { id } = { id: photo?.photo };
    if (id === undefined) return;
    if (!whole) currentPoints = editor.points;
    if (photo) app.session.photo = { photo, name: photoName, points: currentPoints, whole };
    cropping.wait = wait;
    cropping.run(async (signal) => {
      const { blob } = await api.crop(id, points(), 256, signal);
      projection.showTarget(blob);
      fill(problem);
    }, failed);
  }

  async function start() {
    if (!photo || !app.model) return;
    fill(problem);
    projectButton.disabled = true;
    try {
      const { job } = await api.startProjection(app.model.model, { photo: photo.photo, points: points(), space, steps, class: app.now.class });
      projection.watch(job, { name: photoName, steps, model: app.model.model });
    } catch (error) {
      projectButton.disabled = false;
      failed(error);
    }
  }

  comeBack().catch(failed);
  return { element: h("div", { class: "photo-tab scroll" }, problem, empty, work), open };
}
