import { h } from "../../dom.js";

/**
 * A canvas that shows one picture as large as its box allows, smooth at any size unless it is told not to be.
 */
export class PictureCanvas {
  canvas = h("canvas");
  moving = false;
  /** Lines are drawn between so many cells. */
  cells = { columns: 1, rows: 1 };
  /** @type {ImageBitmap | null} */
  #bitmap = null;
  /** Size of the full picture, so that a coarser one does not jump. */
  #full = { width: 1, height: 1 };
  #sizes;

  /**
   * @param {HTMLElement} box in whose middle the canvas lies
   * @param {{smooth?: boolean, margin?: number}} [options]
   */
  constructor(box, { smooth = true, margin = 12 } = {}) {
    this.box = box;
    this.smooth = smooth;
    this.margin = margin;
    this.#sizes = new ResizeObserver(() => this.#fit());
    this.#sizes.observe(box);
    box.append(this.canvas);
  }

  end() {
    this.#sizes.disconnect();
  }

  get bitmap() {
    return this.#bitmap;
  }

  /**
   * @param {ImageBitmap} bitmap
   * @param {{width: number, height: number}} [full]
   * @param {boolean} [moving] whether the next one follows at once, and may be enlarged plainly
   */
  show(bitmap, full = bitmap, moving = false) {
    this.moving = moving;
    const before = this.#bitmap;
    this.#bitmap = bitmap;
    if (before !== bitmap) before?.close();
    const changed = full.width !== this.#full.width || full.height !== this.#full.height;
    this.#full = { width: full.width, height: full.height };
    if (changed) this.#fit();
    else this.#paint();
  }

  #fit() {
    const { clientWidth, clientHeight } = this.box;
    if (!clientWidth || !clientHeight) return;
    const margin = clientWidth > 420 ? 2 * this.margin : 0;
    const scale = Math.min((clientWidth - margin) / this.#full.width, (clientHeight - margin) / this.#full.height);
    const width = Math.max(1, Math.floor(this.#full.width * scale));
    const height = Math.max(1, Math.floor(this.#full.height * scale));
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    this.#paint();
  }

  #paint() {
    const context = this.canvas.getContext("2d");
    if (!context || !this.#bitmap) return;
    context.imageSmoothingEnabled = this.smooth;
    context.imageSmoothingQuality = this.moving ? "low" : "high";
    const { width, height } = this.canvas;
    context.drawImage(this.#bitmap, 0, 0, width, height);
    const { columns, rows } = this.cells;
    context.fillStyle = "#808080";
    for (let column = 1; column < columns; column += 1) context.fillRect(Math.round((column * width) / columns), 0, 1, height);
    for (let row = 1; row < rows; row += 1) context.fillRect(0, Math.round((row * height) / rows), width, 1);
  }
}
