import { iconButton } from "../../components/button.js";
import { h, saveBlob } from "../../dom.js";
import { fileName } from "../naming.js";
import { strip } from "./strip.js";

/**
 * The pictures at which the hand rested: recall, pin, compare, save.
 *
 * @param {import("../app.js").App} app
 * @param {{compare: (moment: import("../history.js").Moment | null) => void}} picture
 */
export function historyStrip(app, picture) {
  const { history } = app.session;
  const byId = (/** @type {number} */ id) => history.moments.find((moment) => moment.id === id);
  const row = strip("History", {
    recalled(id) {
      const moment = byId(id);
      if (!moment) return;
      history.select(id);
      app.store.set({ ...moment.controls, tab: "picture" });
    },
    removed(id) {
      const moment = byId(id);
      if (moment) history.remove(moment);
    },
  });
  const act = (/** @type {(moment: import("../history.js").Moment) => void} */ action) => () => {
    if (history.current) action(history.current);
  };
  const pin = iconButton("pin", "Pin", act((moment) => history.pin(moment)), { className: "quiet icon tiny" });
  const actions = [
    pin,
    iconButton("compare", "Compare with the picture", act((moment) => {
      app.store.put({ tab: "picture" });
      picture.compare(moment);
    }), { className: "quiet icon tiny" }),
    iconButton("download", "Save PNG", act((moment) => saveBlob(moment.blob, fileName(moment.controls, app.model))), { className: "quiet icon tiny" }),
    iconButton("trash", "Remove", act((moment) => history.remove(moment)), { className: "quiet icon tiny" }),
  ];
  const empty = h("p", { class: "hint strip-empty" }, "Pictures at which you rest gather here");

  function show() {
    const pinned = history.moments.filter((moment) => moment.pinned);
    const rest = history.moments.filter((moment) => !moment.pinned);
    row.show([...pinned, ...rest].map((moment) => ({ id: moment.id, thumb: moment.thumb, name: moment.name, marked: moment.pinned })), history.selected);
    empty.hidden = history.moments.length > 0;
    for (const action of actions) action.disabled = history.current === null;
    pin.setAttribute("aria-pressed", String(history.current?.pinned === true));
  }
  history.addEventListener("change", show);
  app.onEnd(() => history.removeEventListener("change", show));
  show();

  return h("section", { class: "strip-box", "aria-label": "History" }, h("header", null, h("h2", { class: "grow" }, "History"), ...actions), row.element, empty);
}
