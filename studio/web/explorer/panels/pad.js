import { fitCanvas, h, onThemeChange, resolveColor } from "../../dom.js";
import { legalPlace, seedAt } from "../plane.js";

/** @typedef {import("../app.js").App} App */

/** Pixels between two seeds. */
const PITCH = 56;
const TRAIL = 160;

/**
 * A map of the plane: seeds as points, the place as a ring, and the way that led there. Dragged, the ring follows the hand.
 *
 * @param {App} app
 */
export function pad(app) {
  const canvas = h("canvas", { class: "pad", "aria-hidden": "true" });
  /** @type {{x: number, y: number}[]} */
  const trail = [];
  const origin = { x: -0.5, y: -0.5 };
  let colors = readColors();
  let drawn = false;
  let held = false;

  function readColors() {
    return { text: resolveColor("--text-2"), line: resolveColor("--border"), accent: resolveColor("--accent"), soft: resolveColor("--accent-soft"), point: resolveColor("--border-strong") };
  }

  app.onEnd(onThemeChange(() => {
    colors = readColors();
    redraw();
  }));

  /** Keeps the ring away from the edge, unless a hand holds it. */
  function follow(/** @type {number} */ width, /** @type {number} */ height) {
    if (held) return;
    for (const [axis, size] of /** @type {["x" | "y", number][]} */ ([["x", width / PITCH], ["y", height / PITCH]])) {
      const margin = Math.min(1, size / 3);
      const at = app.now[axis];
      if (at < origin[axis] - size || at > origin[axis] + 2 * size) origin[axis] = at - size / 2;
      origin[axis] = Math.max(-0.5, Math.min(Math.max(origin[axis], at + margin - size), at - margin));
    }
  }

  function paint() {
    drawn = false;
    const fit = fitCanvas(canvas);
    if (!fit) return;
    const { context, width, height } = fit;
    follow(width, height);
    const toX = (/** @type {number} */ x) => (x - origin.x) * PITCH;
    const toY = (/** @type {number} */ y) => (y - origin.y) * PITCH;
    const { x, y } = app.now;
    const muted = app.now.base !== "" && app.now.share === 0;
    context.globalAlpha = muted ? 0.4 : 1;

    context.fillStyle = colors.soft;
    context.fillRect(toX(Math.floor(x)), toY(Math.floor(y)), PITCH, PITCH);
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.beginPath();
    const [firstX, firstY] = [Math.max(0, Math.floor(origin.x)), Math.max(0, Math.floor(origin.y))];
    const [lastX, lastY] = [Math.ceil(origin.x + width / PITCH), Math.ceil(origin.y + height / PITCH)];
    for (let i = firstX; i <= lastX; i += 1) {
      context.moveTo(Math.round(toX(i)) + 0.5, Math.max(0, toY(0)));
      context.lineTo(Math.round(toX(i)) + 0.5, height);
    }
    for (let j = firstY; j <= lastY; j += 1) {
      context.moveTo(Math.max(0, toX(0)), Math.round(toY(j)) + 0.5);
      context.lineTo(width, Math.round(toY(j)) + 0.5);
    }
    context.stroke();

    context.font = "10px system-ui, sans-serif";
    for (let j = firstY; j <= lastY; j += 1) {
      for (let i = firstX; i <= lastX; i += 1) {
        context.fillStyle = colors.point;
        context.beginPath();
        context.arc(toX(i), toY(j), 2, 0, 2 * Math.PI);
        context.fill();
        context.fillStyle = colors.text;
        context.fillText(String(seedAt(i, j)), toX(i) + 5, toY(j) - 4);
      }
    }

    context.strokeStyle = colors.accent;
    context.lineWidth = 1.5;
    context.globalAlpha = muted ? 0.2 : 0.5;
    context.beginPath();
    trail.forEach((point, at) => {
      const before = trail[at - 1];
      if (before && Math.hypot(point.x - before.x, point.y - before.y) < 2) context.lineTo(toX(point.x), toY(point.y));
      else context.moveTo(toX(point.x), toY(point.y));
    });
    context.stroke();
    context.globalAlpha = muted ? 0.4 : 1;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(toX(x), toY(y), 6, 0, 2 * Math.PI);
    context.stroke();
    context.fillStyle = colors.accent;
    context.beginPath();
    context.arc(toX(x), toY(y), 1.75, 0, 2 * Math.PI);
    context.fill();
  }

  function redraw() {
    if (drawn) return;
    drawn = true;
    requestAnimationFrame(paint);
  }

  /** @param {PointerEvent} event */
  function take(event) {
    const box = canvas.getBoundingClientRect();
    const inside = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(Math.max(0, value), most);
    const place = legalPlace(origin.x + inside(event.clientX - box.left, box.width) / PITCH, origin.y + inside(event.clientY - box.top, box.height) / PITCH);
    app.store.move("pad", { ...place, ...app.withPlane() });
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = true;
    canvas.setPointerCapture(event.pointerId);
    take(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held) take(event);
  });
  const letGo = () => {
    if (!held) return;
    held = false;
    app.store.rest();
  };
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);

  const sizes = new ResizeObserver(redraw);
  sizes.observe(canvas);
  app.onEnd(() => sizes.disconnect());

  app.bind(({ x, y }) => {
    const last = trail.at(-1);
    if (!last || last.x !== x || last.y !== y) trail.push({ x, y });
    if (trail.length > TRAIL) trail.shift();
    redraw();
  }, ["x", "y", "base", "share"]);
  return canvas;
}
