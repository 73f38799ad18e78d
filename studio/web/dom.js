/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * Makes an element. Keys of `props` that start with `on` are listeners, those the element has as properties are set so, the rest are attributes;
 * `null`, `undefined` and `false` leave an attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any> | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  if (props) assign(element, props);
  append(element, ...children);
  return element;
}

/**
 * Sets properties, attributes and listeners, as `h` does.
 *
 * @param {HTMLElement} element
 * @param {Record<string, any>} props
 */
export function assign(element, props) {
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on") && typeof value === "function") {
      element.addEventListener(key.slice(2), value);
    } else if (key === "class") {
      element.className = value ?? "";
    } else if (key === "data") {
      Object.assign(element.dataset, value);
    } else if (key in element && key !== "list" && key !== "form" && !key.startsWith("aria")) {
      /** @type {any} */ (element)[key] = value;
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
}

/**
 * @param {Element | DocumentFragment} parent
 * @param {...(Child | Child[])} children
 */
export function append(parent, ...children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Replaces all children.
 *
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, ...children);
}

let lastId = 0;

/**
 * An id that no other element has, for labels.
 *
 * @param {string} [prefix]
 */
export function newId(prefix = "id") {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/**
 * Whether keys typed now belong to a field.
 *
 * @param {EventTarget | null} target
 */
export function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button", "file"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/**
 * The color of a token of style.css as canvas takes it: `resolveColor("--accent")` is `rgb(…)`.
 *
 * @param {string} token
 * @returns {string}
 */
export function resolveColor(token) {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  probe.hidden = true;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/**
 * Calls `changed` whenever light turns to dark or back; returns what ends that.
 *
 * @param {() => void} changed
 */
export function onThemeChange(changed) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  document.addEventListener("studio:theme", changed);
  return () => {
    media.removeEventListener("change", changed);
    document.removeEventListener("studio:theme", changed);
  };
}

/**
 * The context of an empty canvas, with its backing store at the screen's density.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number} | null} sizes in CSS pixels; null where nothing is laid out
 */
export function fitCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!context || width === 0 || height === 0) return null;
  const density = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * density), Math.round(height * density)];
  // A new size makes a new store, which is slow at 60 pictures a second.
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/**
 * Saves a blob under a name.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
