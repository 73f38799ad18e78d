import { fitCanvas, h, onThemeChange, resolveColor } from "../../dom.js";

/**
 * The loss of a projection over its steps, on a logarithmic scale.
 *
 * @param {import("../app.js").App} app
 */
export function lossCurve(app) {
  const canvas = h("canvas", { class: "loss-curve", role: "img", "aria-label": "Loss over steps" });
  /** @type {{step: number, loss: number}[]} */
  let values = [];
  let total = 1;

  function paint() {
    const fit = fitCanvas(canvas);
    if (!fit) return;
    const { context, width, height } = fit;
    const [text, line, accent] = [resolveColor("--text-2"), resolveColor("--border"), resolveColor("--accent")];
    const good = values.filter(({ loss }) => loss > 0);
    const logs = good.map(({ loss }) => Math.log10(loss));
    const [least, most] = [Math.min(...logs), Math.max(...logs)];
    const [left, right, top, bottom] = [52, width - 8, 10, height - 18];
    const toX = (/** @type {number} */ step) => left + (step / total) * (right - left);
    const toY = (/** @type {number} */ log) => bottom - ((log - least) / (most - least || 1)) * (bottom - top);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = text;
    context.strokeStyle = line;
    context.beginPath();
    for (const y of [top, (top + bottom) / 2, bottom]) {
      context.moveTo(left, Math.round(y) + 0.5);
      context.lineTo(right, Math.round(y) + 0.5);
    }
    context.stroke();
    context.textAlign = "left";
    context.fillText("0", left, height - 4);
    context.textAlign = "right";
    context.fillText(`${total} steps`, right, height - 4);
    if (good.length === 0) return;
    for (const log of [most, least]) context.fillText((10 ** log).toPrecision(3), left - 6, toY(log) + 4);
    context.strokeStyle = accent;
    context.lineWidth = 1.5;
    context.beginPath();
    good.forEach(({ step }, at) => context.lineTo(toX(step), toY(logs[at] ?? 0)));
    context.stroke();
  }

  const sizes = new ResizeObserver(paint);
  sizes.observe(canvas);
  app.onEnd(() => sizes.disconnect());
  app.onEnd(onThemeChange(paint));

  return {
    element: canvas,
    /** @param {number} steps */
    clear(steps) {
      values = [];
      total = Math.max(1, steps);
      paint();
    },
    /**
     * @param {number} step
     * @param {number} loss
     */
    add(step, loss) {
      if (values.at(-1)?.step === step) return;
      values.push({ step, loss });
      canvas.setAttribute("aria-label", `Loss ${loss.toPrecision(3)} after ${step} of ${total} steps`);
      paint();
    },
  };
}
