// 16x16, drawn with a stroke of 1.5 in the color of the text.
const PATHS = {
  reset: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v2.3h2.3",
  copy: "M6 6h7v7H6zM3.5 10H3V3h7v.5",
  close: "M4 4l8 8M12 4l-8 8",
  chevron: "M4 6l4 4 4-4",
  left: "M10 4L6 8l4 4",
  right: "M6 4l4 4-4 4",
  download: "M8 2.5v7.5M5 7.5l3 3 3-3M3 13h10",
  undo: "M5.5 3L3 5.5 5.5 8M3 5.5h6a3.75 3.75 0 0 1 0 7.5H6",
  redo: "M10.5 3L13 5.5 10.5 8M13 5.5H7a3.75 3.75 0 0 0 0 7.5h3",
  play: "M5 3.5v9l7-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  plus: "M8 3v10M3 8h10",
  pin: "M6 2.5h4l-.5 4 2 2.5h-7l2-2.5zM8 9v4.5",
  compare: "M2.5 3.5h4.5v9H2.5zM9 3.5h4.5v9H9z",
  dice: "M3 3h10v10H3zM6 6h.01M10 6h.01M8 8h.01M6 10h.01M10 10h.01",
  snap: "M3 3h.01M8 3h.01M13 3h.01M3 8h.01M13 8h.01M3 13h.01M8 13h.01M13 13h.01M8 6.5v3M6.5 8h3",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  help: "M6 6a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1.1M8 11.5h.01",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  stop: "M4 4h8v8H4z",
  keyframe: "M8 2.5L13.5 8 8 13.5 2.5 8z",
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * A picture for a button; says nothing to a screen reader.
 *
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon-svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
