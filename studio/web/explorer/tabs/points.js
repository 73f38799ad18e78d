import { h } from "../../dom.js";

/** @typedef {import("../../types.js").Point} Point */

export const POINT_NAMES = ["Left eye", "Right eye", "Nose", "Left mouth corner", "Right mouth corner"];

/** Where the points of an upright face in the middle lie, as shares of the shorter side. */
const USUAL = /** @type {Point[]} */ ([[0.38, 0.42], [0.62, 0.42], [0.5, 0.55], [0.41, 0.68], [0.59, 0.68]]);

/**
 * @param {number} width
 * @param {number} height
 * @returns {Point[]}
 */
export function usualPoints(width, height) {
  const side = Math.min(width, height);
  return USUAL.map(([x, y]) => [(width - side) / 2 + x * side, (height - side) / 2 + y * side]);
}

/**
 * A photo with five points on it, moved by mouse, touch or arrows.
 *
 * @param {(points: Point[], done: boolean) => void} moved
 */
export function pointEditor(moved) {
  const image = h("img", { alt: "The photo", draggable: false });
  const frame = h("div", { class: "photo-frame" }, image);
  const size = { width: 1, height: 1 };
  /** @type {Point[]} */
  let points = [];

  const handles = POINT_NAMES.map((name, at) => {
    const handle = h("button", { type: "button", class: "point", title: name, "aria-label": name });
    let held = false;
    handle.addEventListener("pointerdown", (event) => {
      held = true;
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
      handle.focus();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!held) return;
      const box = image.getBoundingClientRect();
      put(at, ((event.clientX - box.left) / box.width) * size.width, ((event.clientY - box.top) / box.height) * size.height, false);
    });
    const letGo = () => {
      if (!held) return;
      held = false;
      moved(points, true);
    };
    handle.addEventListener("pointerup", letGo);
    handle.addEventListener("pointercancel", letGo);
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const point = points[at];
      if (!step || !point) return;
      event.preventDefault();
      event.stopPropagation();
      const far = (event.shiftKey ? 0.025 : 0.005) * Math.max(size.width, size.height);
      put(at, point[0] + (step[0] ?? 0) * far, point[1] + (step[1] ?? 0) * far, true);
    });
    frame.append(handle);
    return handle;
  });

  /**
   * @param {number} at
   * @param {number} x
   * @param {number} y
   * @param {boolean} done
   */
  function put(at, x, y, done) {
    points = points.map((point, other) => (other === at ? [Math.min(Math.max(0, x), size.width), Math.min(Math.max(0, y), size.height)] : point));
    place();
    moved(points, done);
  }

  function place() {
    points.forEach(([x, y], at) => {
      const handle = handles[at];
      if (!handle) return;
      handle.style.left = `${(x / size.width) * 100}%`;
      handle.style.top = `${(y / size.height) * 100}%`;
      handle.setAttribute("aria-label", `${POINT_NAMES[at]}, x ${Math.round(x)}, y ${Math.round(y)} pixels`);
    });
  }

  return {
    element: frame,
    /**
     * @param {string} url
     * @param {number} width of the original
     * @param {number} height
     */
    setPhoto(url, width, height) {
      image.src = url;
      Object.assign(size, { width, height });
      frame.style.setProperty("--shape", `${width} / ${height}`);
      frame.style.setProperty("--ratio", String(width / height));
    },
    /** @param {Point[] | null} next null hides them */
    setPoints(next) {
      frame.classList.toggle("pointless", next === null);
      points = next ?? [];
      place();
    },
    get points() {
      return points;
    },
  };
}
