import { h } from "../dom.js";

/** @type {Record<import("./types.js").RunState, {label: string, kind: string}>} */
const STATES = {
  training: { label: "Training", kind: "accent" },
  paused: { label: "Paused", kind: "warning" },
  stopped: { label: "Stopped", kind: "" },
  finished: { label: "Finished", kind: "good" },
  unknown: { label: "State unknown", kind: "" },
};

/** @param {import("./types.js").RunState} state */
export function stateBadge(state) {
  const { label, kind } = STATES[state] ?? STATES.unknown;
  return h("span", { class: `badge state-badge ${kind}`, data: { state } }, label);
}
