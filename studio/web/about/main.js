/** The page "About": what this server is, what it can do, and what it shows to whom. */

import { about, isAbort } from "../api.js";
import { errorNotice } from "../components/notice.js";
import { fill, h } from "../dom.js";

/** @typedef {import("../types.js").About} About */

const PROJECTORS = {
  pixels: "pixels only (no VGG or LPIPS weights were given)",
  vgg19: "VGG-19 features",
  lpips: "LPIPS",
};

/**
 * @param {HTMLElement} root
 * @returns {() => void} that takes it away
 */
export function mountAbout(root) {
  const body = h("div", { class: "about" }, h("p", { class: "muted", role: "status" }, "Asking the server…"));
  const page = h("div", { class: "dashboard scroll" }, h("div", { class: "page" }, h("h1", null, "About"), body));
  root.replaceChildren(page);
  document.title = "About · stylegan studio";
  let isHere = true;
  about().then(
    (facts) => isHere && show(body, facts),
    (error) => {
      if (isHere && !isAbort(error)) fill(body, errorNotice(error));
    },
  );
  return () => {
    isHere = false;
    page.remove();
  };
}

/** @param {HTMLElement} body @param {About} about */
function show(body, about) {
  fill(
    body,
    section(
      "Program",
      facts([
        ["Version", `stylegan ${about.version}`],
        ["Device", about.device],
        ["Threads", `${about.threads} ${about.threads === 1 ? "thread" : "threads"}`],
        ["Projection compares by", PROJECTORS[/** @type {keyof typeof PROJECTORS} */ (about.projector)] ?? about.projector],
        ["Serves the run", about.serving_run === null ? "none, it looks at folders" : h("a", { href: `#/runs/${about.serving_run}` }, "the run that trains in this process")],
      ]),
    ),
    section(
      "What is exposed",
      facts([
        ["Address", h("code", null, about.address)],
        ["Token", about.has_token ? "asked for with every request" : "none: only programs on this machine reach the address"],
        ["Folders", about.roots.length === 0 ? "none" : about.roots.map((root) => h("code", { class: "root" }, root))],
      ]),
      about.exposed.length === 0 ? null : h("ul", { class: "exposed" }, about.exposed.map((sentence) => h("li", null, sentence.charAt(0).toUpperCase() + sentence.slice(1)))),
    ),
    section(
      "Limits",
      facts([
        ["A file that is dropped in", `at most ${mebibytes(about.limits.upload_bytes)}`],
        ["A photo", `at most ${new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 }).format(about.limits.photo_pixels / 1e6)} megapixels`],
      ]),
    ),
  );
}

/** @param {string} title @param {...(Node | null)} children */
function section(title, ...children) {
  return h("section", { class: "card about-section" }, h("h2", null, title), children);
}

/** @param {[string, import("../dom.js").Child | import("../dom.js").Child[]][]} rows */
function facts(rows) {
  return h("dl", { class: "facts number" }, rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/** @param {number} bytes */
function mebibytes(bytes) {
  const text = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
  return bytes >= 2 ** 30 ? `${text.format(bytes / 2 ** 30)} GiB` : `${text.format(bytes / 2 ** 20)} MiB`;
}
