import { errorNotice } from "./components/notice.js";
import { icon } from "./components/icon.js";
import { iconButton } from "./components/button.js";
import { fill, h, isTyping } from "./dom.js";
import { openHelp } from "./help.js";
import { keysAreOn, registerKeys } from "./keys.js";
import { keep } from "./settings.js";

/**
 * A page: builds itself into `root` and returns what takes it down.
 *
 * @typedef {(root: HTMLElement, params: URLSearchParams, path: string) => () => void} Mount
 */

/** @type {{path: string, label: string, load: () => Promise<Mount>}[]} */
const PAGES = [
  { path: "/explore", label: "Explore", load: async () => (await import("./explorer/main.js")).mountExplorer },
  { path: "/runs", label: "Runs", load: async () => (await import("./dashboard/main.js")).mountDashboard },
  { path: "/about", label: "About", load: async () => (await import("./about/main.js")).mountAbout },
];

const root = /** @type {HTMLElement} */ (document.querySelector("#page"));
const bar = /** @type {HTMLElement} */ (document.querySelector("#top-bar"));

const links = PAGES.map((page) => h("a", { href: `#${page.path}` }, page.label));
const theme = iconButton("moon", "Dark", toggleTheme);
fill(bar,
  h("a", { class: "brand", href: "#/explore", "aria-label": "stylegan studio" }, h("img", { src: "icon.svg", alt: "" }), h("span", null, "stylegan studio")),
  h("nav", { "aria-label": "Pages" }, ...links),
  h("div", { class: "end" }, iconButton("help", "Keyboard map", openHelp, { key: "?" }), theme));

const media = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (media.matches ? "dark" : "light")) === "dark";

function showTheme() {
  const label = isDark() ? "Light colors" : "Dark colors";
  theme.title = label;
  theme.setAttribute("aria-label", label);
  theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
}

function toggleTheme() {
  const next = isDark() ? "light" : "dark";
  // The system's own choice needs no keeping, and follows the system again.
  const own = (next === "dark") === media.matches;
  if (own) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  keep("theme", own ? null : next);
  showTheme();
  document.dispatchEvent(new Event("studio:theme"));
}
media.addEventListener("change", showTheme);
showTheme();

let unmount = () => {};
let turn = 0;

async function route() {
  turn += 1;
  const mine = turn;
  const [path = "", query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const page = PAGES.find((page) => path === page.path || path.startsWith(`${page.path}/`)) ?? PAGES[0];
  if (!page) return;
  PAGES.forEach((other, at) => {
    if (other === page) links[at]?.setAttribute("aria-current", "page");
    else links[at]?.removeAttribute("aria-current");
  });
  document.title = `${page.label} · stylegan studio`;
  unmount();
  unmount = () => {};
  try {
    const mount = await page.load();
    if (mine !== turn) return;
    root.replaceChildren();
    unmount = mount(root, new URLSearchParams(query), path || page.path);
  } catch (error) {
    if (mine === turn) fill(root, h("div", { class: "page" }, errorNotice(error)));
  }
}

// The fragment is the page's state, so the link must not go there.
document.querySelector(".skip-link")?.addEventListener("click", (event) => {
  event.preventDefault();
  root.focus();
});

registerKeys("Everywhere", [["?", "This map"], ["Esc", "Close"], ["Tab", "Next control"]]);
document.addEventListener("keydown", (event) => {
  if (event.key === "?" && keysAreOn() && !isTyping(event.target) && !document.querySelector("dialog[open]")) openHelp();
});
// A file dropped where nothing takes it must not replace the page.
for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());

addEventListener("hashchange", () => void route());
void route();
