/** The dashboard: the list of runs at `#/runs`, one run at `#/runs/ID`. */

import { h } from "../dom.js";
import { mountRunList } from "./run-list.js";
import { mountRunPage } from "./run-page.js";

/**
 * @param {HTMLElement} root
 * @param {URLSearchParams} params of the fragment
 * @param {string} path of the fragment, such as `/runs/0`
 * @returns {() => void} that takes it away
 */
export function mountDashboard(root, params, path) {
  const run = /^\/?runs\/(\d+)\/?$/.exec(path);
  if (run !== null) return mountRunPage(root, Number(run[1]), `/runs/${run[1]}`, params);
  if (/^\/?runs\/?$/.test(path) || path === "") return mountRunList(root);
  root.replaceChildren(h("p", { class: "empty" }, "There is no such page of runs: ", h("a", { href: "#/runs" }, "all runs")));
  return () => root.replaceChildren();
}
