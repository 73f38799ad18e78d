import { ApiError } from "../../api.js";
import { errorNotice } from "../../components/notice.js";
import { iconButton } from "../../components/button.js";
import { h, newId } from "../../dom.js";
import { sameLook } from "../controls.js";
import { describe, fileName } from "../naming.js";
import { View } from "../view.js";
import { PictureCanvas } from "./canvas.js";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../history.js").Moment} Moment
 */

/** A hand that pauses this long has found something worth keeping. */
const KEEP_MS = 600;
const RETRY_MS = 3000;

/**
 * The picture: dragging it walks in the plane. Beside it, if asked for, another one to compare with.
 *
 * @param {App} app
 */
export function pictureTab(app) {
  const well = h("div", { class: "well" });
  const live = new PictureCanvas(well);
  const { canvas } = live;
  const keys = newId("keys");
  canvas.tabIndex = 0;
  canvas.classList.add("live");
  for (const [name, value] of Object.entries({ role: "application", "aria-roledescription": "latent plane", "aria-label": "Picture", "aria-describedby": keys })) canvas.setAttribute(name, value);

  const problem = h("div", { class: "problem", hidden: true });
  const announced = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const latent = h("span", { class: "ellipsis grow" });
  const speed = h("span", { class: "number muted", title: "Time to draw on the server, and pictures in the last second" });
  const status = h("div", { class: "status-line" }, latent, speed);

  const otherImage = h("img", { alt: "" });
  const otherName = h("span", { class: "ellipsis grow" });
  const other = h("figure", { class: "other", hidden: true },
    h("div", { class: "other-well" }, otherImage),
    h("figcaption", { class: "status-line" }, otherName, iconButton("close", "End comparing", () => compare(null), { className: "quiet icon tiny" })));

  const element = h("div", { class: "picture-tab" },
    other,
    h("div", { class: "live-side" }, well, status),
    problem,
    announced,
    h("p", { class: "visually-hidden", id: keys }, "Arrows walk in the plane of seeds, with Shift to the next seed; drag does the same"));

  /** @type {import("../view.js").Shown | null} */
  let full = null;
  let keepTimer = 0;
  let sayTimer = 0;
  let retryTimer = 0;
  /** A film that is previewed has the canvas. */
  let lent = false;

  const view = new View({
    shown(shown) {
      live.show(shown.bitmap, shown.wish.model.resolution, shown.wish.moving);
      problem.hidden = true;
      if (shown.coarser > 0 || lent) return;
      full = shown;
      clearTimeout(keepTimer);
      const { now } = app;
      keepTimer = setTimeout(() => {
        if (app.moving || !sameLook(app.now, now) || full !== shown) return;
        void app.session.history.add(now, shown.blob, describe(now));
      }, KEEP_MS);
    },
    failed,
  });
  app.onEnd(() => {
    view.stop();
    live.end();
    clearTimeout(keepTimer);
    clearTimeout(sayTimer);
    clearTimeout(retryTimer);
    clearInterval(clock);
  });

  /** @param {unknown} error */
  function failed(error) {
    problem.replaceChildren(errorNotice(error), iconButton("close", "Close message", () => {
      problem.hidden = true;
    }, { className: "quiet icon tiny" }));
    problem.hidden = false;
    clearTimeout(retryTimer);
    // A server that is gone may come back; what it refuses, it refuses again.
    if (error instanceof ApiError && error.status === 0) retryTimer = setTimeout(() => (app.model ? refresh() : void app.start()), RETRY_MS);
  }

  function writeSpeed() {
    const { pace } = view;
    const parts = [pace.drawMs > 0 ? `${pace.drawMs < 10 ? pace.drawMs.toFixed(1) : Math.round(pace.drawMs)} ms` : ""];
    if (pace.perSecond > 1) parts.push(`${pace.perSecond} pictures/s`);
    if (app.model) parts.unshift(`${app.model.resolution.width}x${app.model.resolution.height}`);
    const text = parts.filter(Boolean).join(" · ");
    if (speed.textContent !== text) speed.textContent = text;
  }
  // No more often than it can be read.
  const clock = setInterval(writeSpeed, 250);

  function refresh() {
    const { model, draw } = app;
    if (!model || !draw || lent) return;
    view.want({ model, draw, moving: app.moving });
  }

  let asked = "";
  app.bind((now) => {
    latent.textContent = describe(now);
    clearTimeout(sayTimer);
    if (now.tab !== "picture" && !app.playing) {
      asked = "";
      return;
    }
    // Asking again for what is shown already would only cost; but at rest the full picture is due.
    const ask = JSON.stringify([app.model?.model, app.draw, app.moving]);
    if (ask !== asked) {
      asked = ask;
      refresh();
    }
    if (!app.moving) {
      sayTimer = setTimeout(() => {
        const said = describe(app.now);
        announced.textContent = `Picture: ${said}`;
        canvas.setAttribute("aria-label", `Picture: ${said}`);
      }, 800);
    }
  });

  dragToWalk(app, canvas);

  /** @param {Moment | null} moment */
  function compare(moment) {
    other.hidden = moment === null;
    element.classList.toggle("comparing", moment !== null);
    if (moment) {
      otherImage.src = moment.url;
      otherImage.alt = `Picture: ${moment.name}`;
      otherName.textContent = moment.name;
    }
  }

  return {
    element,
    canvas,
    failed,
    compare,
    get comparing() {
      return !other.hidden;
    },
    /** The PNG that is shown in full, if it is that of the controls. */
    get png() {
      return full && app.draw && JSON.stringify(full.wish.draw) === JSON.stringify(app.draw) && full.wish.model === app.model ? { ...full, name: fileName(app.now, app.model) } : null;
    },
    /**
     * Shows a picture that is not that of the controls.
     *
     * @param {import("../../types.js").Draw} draw
     */
    lend(draw) {
      lent = true;
      if (app.model) view.want({ model: app.model, draw, moving: true });
    },
    giveBack() {
      lent = false;
      asked = "";
      refresh();
    },
  };
}

/**
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 */
function dragToWalk(app, canvas) {
  /** @type {{id: number, x: number, y: number} | null} */
  let hand = null;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || hand) return;
    hand = { id: event.pointerId, x: event.clientX, y: event.clientY };
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("held");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (hand?.id !== event.pointerId) return;
    // Half a picture's side is one seed; with Shift, a tenth of that.
    const seeds = (event.shiftKey ? 0.2 : 2) / Math.max(160, Math.min(canvas.clientWidth, canvas.clientHeight));
    const [dx, dy] = [event.clientX - hand.x, event.clientY - hand.y];
    if (dx === 0 && dy === 0) return;
    hand = { id: hand.id, x: event.clientX, y: event.clientY };
    app.store.move("drag", app.step(dx * seeds, dy * seeds));
  });
  const letGo = (/** @type {PointerEvent} */ event) => {
    if (hand?.id !== event.pointerId) return;
    hand = null;
    canvas.classList.remove("held");
    app.store.rest();
  };
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);
}
