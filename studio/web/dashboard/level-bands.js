/** The levels of a schedule, as bands behind curves. */

/**
 * @typedef {object} Band
 * @property {string} label
 * @property {number} from
 * @property {number} fadeUntil
 * @property {number} to
 */

/**
 * @param {import("./types.js").Level[]} levels
 * @param {(kimg: number) => number} place on the x axis
 * @returns {Band[]}
 */
export function bandsOf(levels, place) {
  return levels.map((level) => ({
    label: level.resolution,
    from: place(level.from_kimg),
    fadeUntil: place(level.fade_until_kimg),
    to: place(level.to_kimg),
  }));
}

/**
 * @param {import("../vendor/uPlot.esm.js").default} plot
 * @param {Band[]} bands
 * @param {number[]} marks where the run was taken back
 * @param {import("./plot-theme.js").PlotTheme} theme
 */
export function drawBands(plot, bands, marks, theme) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  /** @param {number} x */
  const at = (x) => Math.min(Math.max(plot.valToPos(x, "x", true), bbox.left), bbox.left + bbox.width);
  ctx.save();
  ctx.font = `${10 * ratio}px ${theme.family}`;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  bands.forEach((band, index) => {
    const [from, fadeUntil, to] = [at(band.from), at(band.fadeUntil), at(band.to)];
    if (index % 2 === 1) {
      ctx.fillStyle = theme.band;
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
    }
    if (fadeUntil > from) {
      ctx.fillStyle = theme.fade;
      ctx.fillRect(from, bbox.top, fadeUntil - from, bbox.height);
    }
    const width = ctx.measureText(band.label).width;
    if (to - from > width + 8 * ratio) {
      ctx.fillStyle = theme.text;
      ctx.fillText(band.label, from + 4 * ratio, bbox.top + 3 * ratio);
    }
  });
  ctx.strokeStyle = theme.mark;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark, "x", true)) + 0.5;
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
