/** The head of a run: its state, how far it is, how fast, what can be done. */

import { postJson } from "../api.js";
import { button } from "../components/button.js";
import { confirmDialog } from "../components/dialog.js";
import { toast, toastError } from "../components/toast.js";
import { fill, h } from "../dom.js";
import { bytes, duration, kimg, kimgNumber, number, percent, side } from "./format.js";
import { progressBar } from "./progress-bar.js";
import { stateBadge } from "./state-badge.js";

/** Weight of the past in the rate that is shown. */
const RATE_WEIGHT = 0.7;

export class RunHeader {
  /** @param {import("./run-data.js").RunData} data @param {import("./run-feed.js").RunFeed} feed */
  constructor(data, feed) {
    this.#data = data;
    this.#feed = feed;
    this.element.append(
      h(
        "div",
        { class: "run-head" },
        h("a", { class: "run-back", href: "#/runs" }, "Runs"),
        h("span", { class: "muted", "aria-hidden": "true" }, "/"),
        this.#title,
        h("span", { class: "row", role: "status" }, this.#badge, this.#connection),
        this.#buttons,
      ),
      this.#problem,
      this.#bar.element,
      this.#facts,
    );
    data.addEventListener("info", this.update);
    data.addEventListener("stats", this.update);
    feed.addEventListener("connection", this.update);
    feed.addEventListener("step", this.#onStep);
    this.update();
  }

  element = h("header", { class: "run-header card" });

  #data;
  #feed;
  #title = h("h1", { class: "ellipsis" });
  #badge = h("span");
  #connection = h("span", { class: "connection" });
  #problem = h("p", { class: "notice warning", hidden: true });
  #buttons = h("div", { class: "run-buttons", role: "group", "aria-label": "Training" });
  #bar = progressBar();
  #facts = h("dl", { class: "run-facts" });
  #rate = NaN;
  #frame = 0;
  #isAsking = false;
  #isStopAsked = false;
  #shownButtons = "";
  #shownBadge = "";

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#data.removeEventListener("info", this.update);
    this.#data.removeEventListener("stats", this.update);
    this.#feed.removeEventListener("connection", this.update);
    this.#feed.removeEventListener("step", this.#onStep);
  }

  #onStep = () => {
    const rate = this.#feed.step?.images_per_sec ?? NaN;
    if (Number.isFinite(rate) && rate > 0) {
      this.#rate = Number.isFinite(this.#rate) ? RATE_WEIGHT * this.#rate + (1 - RATE_WEIGHT) * rate : rate;
    }
    this.update();
  };

  update = () => {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  };

  #render() {
    const { info } = this.#data;
    this.#title.textContent = this.#data.name;
    if (info !== null && info.state !== "training" && info.state !== "paused") this.#isStopAsked = false;
    this.#renderConnection();
    if (info === null) return;
    const hasEnded = this.#isStopAsked && this.#feed.connection === "lost";
    const state = hasEnded ? "stopped" : info.state;
    if (this.#shownBadge !== state) {
      this.#shownBadge = state;
      fill(this.#badge, stateBadge(state));
    }
    this.#renderButtons(info);
    const now = this.#now(info);
    this.#bar.update(info, now);
    this.#renderFacts(info, now);
  }

  /** Where the training is, in kimg: by its last step, else by its last tick. @param {import("./types.js").RunInfo} info */
  #now(info) {
    const { step } = this.#feed;
    const isRunning = info.state === "training" || info.state === "paused";
    return step !== null && isRunning ? Math.max(step.nimg / 1000, 0) : Math.max(info.kimg, this.#data.kimg.at(-1) ?? 0);
  }

  #renderConnection() {
    const { connection, problem } = this.#feed;
    // Who asked for the end is not to be told of a loss.
    const lost = this.#isStopAsked ? "The program has ended, as asked" : "Connection lost, trying again…";
    const texts = { connecting: "Connecting…", connected: this.#isStopAsked ? "Saving, then stopping…" : "", lost };
    if (this.#connection.textContent !== texts[connection]) this.#connection.textContent = texts[connection];
    this.#connection.classList.toggle("is-lost", connection === "lost" && !this.#isStopAsked);
    this.#problem.hidden = problem === "";
    this.#problem.textContent = problem;
  }

  /** @param {import("./types.js").RunInfo} info */
  #renderButtons(info) {
    const isRunning = info.live && (info.state === "training" || info.state === "paused");
    const isOff = this.#isAsking || this.#isStopAsked || this.#feed.connection === "lost";
    const shown = JSON.stringify([isRunning, info.state, isOff]);
    if (shown === this.#shownButtons) return;
    this.#shownButtons = shown;
    this.#buttons.hidden = !isRunning;
    if (!isRunning) return;
    const isPaused = info.state === "paused";
    const focused = [...this.#buttons.children].indexOf(/** @type {Element} */ (document.activeElement));
    const buttons = [
      isPaused
        ? button("Resume", () => this.#ask("resume", "Training goes on"), { icon: "play" })
        : button("Pause", () => this.#ask("pause", "Training pauses after this step"), { icon: "pause" }),
      button("Save now", () => this.#ask("save", "A snapshot is saved after this step"), { icon: "download" }),
      button("Stop after saving…", () => this.#stop(), { icon: "stop" }),
    ];
    for (const element of buttons) element.disabled = isOff;
    fill(this.#buttons, buttons);
    if (focused !== -1) buttons[focused]?.focus();
  }

  async #stop() {
    const isSure = await confirmDialog(
      "Stop after saving?",
      `“${this.#data.name}” finishes its step, saves a snapshot and its training state, and the program ends. Nothing is lost: the same command, given again, goes on from there. This page loses its connection with that.`,
      "Stop after saving",
    );
    if (isSure) await this.#ask("stop", "Training finishes its step, saves and stops");
  }

  /** @param {"pause" | "resume" | "save" | "stop"} what @param {string} said */
  async #ask(what, said) {
    this.#isAsking = true;
    this.update();
    try {
      await postJson(`/api/runs/${this.#data.run}/${what}`, {});
      if (what === "stop") this.#isStopAsked = true;
      toast(said);
      await this.#feed.readInfo();
    } catch (error) {
      toastError(error);
    } finally {
      this.#isAsking = false;
      this.update();
    }
  }

  /** @param {import("./types.js").RunInfo} info @param {number} now */
  #renderFacts(info, now) {
    const { step } = this.#feed;
    const isLive = info.live && step !== null && (info.state === "training" || info.state === "paused");
    const data = this.#data;
    const level = info.levels.find(({ to_kimg }) => now < to_kimg) ?? info.levels.at(-1);
    const rate = isLive && Number.isFinite(this.#rate) ? this.#rate : smoothedRate(data);
    /** @type {[string, string, string?][]} */
    const facts = [
      ["Images shown", info.total_kimg === null ? kimg(now) : `${kimgNumber(now)} of ${kimg(info.total_kimg)}`],
      ["Level", levelText(isLive ? side(step?.resolution) : level?.resolution, isLive ? step?.fade : fadeOf(level, now))],
      ["Speed", Number.isFinite(rate) ? `${number(Number(rate.toPrecision(3)))} images/s` : "–"],
    ];
    if (isLive) {
      facts.push(["Time left", info.state === "paused" ? "paused" : step?.left_sec === null ? "not known yet" : `about ${duration(step?.left_sec)}`]);
      const at = info.next_snapshot_kimg;
      const inTime = step?.next_snapshot_sec ?? null;
      if (at !== null || inTime !== null) {
        // The time counts what the schedule in kimg does not: a snapshot may be due by the clock.
        facts.push(["Next snapshot", inTime === null ? `at ${kimg(at ?? now)}` : `in ${duration(inTime)}`]);
      }
    }
    const elapsed = data.elapsed.at(-1);
    if (elapsed !== undefined) facts.push(["Trained for", duration(elapsed)]);
    const wait = data.latest("data_wait_sec");
    const tick = data.latest("sec_per_tick");
    if (wait !== null) {
      const share = tick !== null && tick > 0 ? `, ${percent(wait / tick)} of a tick` : "";
      facts.push(["Loader wait", `${duration(wait)}${share}`, "Time that steps waited for data in the last tick"]);
    }
    const memory = data.latest("peak_memory_bytes");
    if (memory !== null && memory > 0) facts.push(["Peak memory", bytes(memory), "Most memory held so far"]);
    const rollbacks = data.latest("rollbacks");
    if (rollbacks !== null && rollbacks > 0) facts.push(["Taken back", rollbacks === 1 ? "once" : `${rollbacks} times`, "Since its numbers went bad: the dashed lines in the plots"]);
    fill(
      this.#facts,
      facts.map(([name, text, title]) => h("div", { title: title ?? "" }, h("dt", null, name), h("dd", null, text))),
    );
  }
}

/** The speed of the last ticks. @param {import("./run-data.js").RunData} data */
function smoothedRate(data) {
  const rates = data.numbers.get("images_per_sec")?.slice(-5).filter(Number.isFinite) ?? [];
  return rates.length === 0 ? NaN : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}

/** @param {import("./types.js").Level | undefined} level @param {number} now */
function fadeOf(level, now) {
  if (level === undefined || now >= level.fade_until_kimg || level.fade_until_kimg <= level.from_kimg) return 0;
  return 1 - Math.max(0, (now - level.from_kimg) / (level.fade_until_kimg - level.from_kimg));
}

/** @param {string | undefined} resolution @param {number | undefined} fade share of the smaller side that is still in the pictures */
function levelText(resolution, fade) {
  if (resolution === undefined) return "–";
  return fade !== undefined && fade > 0 ? `${resolution}, ${percent(1 - fade)} faded in` : resolution;
}
