/** Which numbers stand together in one plot, in which section, and what they are called (as `stylegan plot` has it). */

/**
 * @typedef {object} Panel values that one plot shows
 * @property {string} key
 * @property {string} section
 * @property {string} title
 * @property {{name: string, called: string, role: string}[]} values `role` decides the color: `first`, `second`, … or `reals`, `fakes`
 */

/** @type {{section: string, title: string, values: [string, string, string?][]}[]} */
const KNOWN = [
  { section: "Losses", title: "Loss", values: [["d_loss", "critic", "second"], ["g_loss", "generator", "first"]] },
  {
    section: "Losses",
    title: "Loss of the transfer",
    values: [["loss", "total"], ["content_loss", "content"], ["style_loss", "style"]],
  },
  { section: "Losses", title: "Penalty", values: [["penalty", "penalty"]] },
  {
    section: "Scores",
    title: "Score of the critic",
    values: [["real_score", "reals", "reals"], ["fake_score", "fakes", "fakes"]],
  },
  { section: "Scores", title: "Norm of the scores’ gradient", values: [["gradient_norm", "gradient norm"]] },
  {
    section: "Distances",
    title: "Distance between two pictures",
    values: [["real_distance", "reals", "reals"], ["fake_distance", "fakes", "fakes"]],
  },
  { section: "Distances", title: "Distance of textures, few pictures", values: [["texture_distance", "textures"]] },
  { section: "Rates", title: "Speed", values: [["images_per_sec", "speed"]] },
  { section: "Rates", title: "Learning rates", values: [["g_lrate", "generator"], ["d_lrate", "critic"]] },
  { section: "Rates", title: "Factor of the learning rates", values: [["rate_factor", "factor"]] },
  { section: "Time", title: "Wait for the loader, a tick", values: [["data_wait_sec", "wait"]] },
  { section: "Time", title: "Maintenance, a tick", values: [["maintenance_sec", "maintenance"]] },
  { section: "Time", title: "Time of a tick", values: [["sec_per_tick", "time"]] },
  { section: "Time", title: "Time of 1,000 images", values: [["sec_per_kimg", "time"]] },
  { section: "Memory", title: "Most memory held", values: [["peak_memory_bytes", "memory"]] },
  { section: "Others", title: "Level of detail (lod)", values: [["lod", "lod"]] },
  { section: "Others", title: "Minibatch", values: [["batch", "minibatch"]] },
  { section: "Others", title: "Length of w_avg", values: [["w_avg_norm", "length"]] },
  { section: "Others", title: "Times taken back", values: [["rollbacks", "rollbacks"]] },
  { section: "Others", title: "Skipped updates, a tick", values: [["skipped_updates", "skipped"]] },
  { section: "Others", title: "Steps", values: [["step", "steps"]] },
  { section: "Others", title: "Ticks", values: [["tick", "ticks"]] },
];

export const SECTIONS = ["Losses", "Scores", "Distances", "Rates", "Time", "Memory", "Others"];

/** What few people look at before they have a reason to. */
const OFF_PAGE = new Set([
  "batch", "d_lrate", "g_lrate", "lod", "maintenance_sec", "rate_factor", "rollbacks", "sec_per_kimg", "sec_per_tick",
  "skipped_updates", "step", "tick", "w_avg_norm", "resolution",
]);

/** @param {string} name */
export function isOnFirstPage(name) {
  return !OFF_PAGE.has(name);
}

/** @param {string} name */
function sectionOf(name) {
  if (/loss|penalty/.test(name)) return "Losses";
  if (/score|gradient/.test(name)) return "Scores";
  if (/^(fid|kid|is\d|ppl|ls|pr\d|swd|ms_?ssim)|distance|_precision|_recall/.test(name)) return "Distances";
  if (/rate|_per_sec/.test(name)) return "Rates";
  if (/_sec$|^sec_/.test(name)) return "Time";
  if (/memory|_bytes/.test(name)) return "Memory";
  return "Others";
}

const ROLES = ["first", "second", "third", "fourth"];

/**
 * Every number that there is, each in one panel, panels in the order of the page.
 *
 * @param {Iterable<string>} names
 * @returns {Panel[]}
 */
export function panelsOf(names) {
  const left = new Set(names);
  /** @type {Panel[]} */
  const panels = [];
  for (const { section, title, values } of KNOWN) {
    const present = values.filter(([name]) => left.has(name));
    if (present.length === 0) continue;
    panels.push({
      key: present.map(([name]) => name).join("+"),
      section,
      title,
      values: present.map(([name, called, role], index) => ({ name, called, role: role ?? ROLES[index] ?? "first" })),
    });
    for (const [name] of present) left.delete(name);
  }
  for (const name of [...left].sort()) {
    panels.push({ key: name, section: sectionOf(name), title: name, values: [{ name, called: name, role: "first" }] });
  }
  return panels.sort((one, other) => SECTIONS.indexOf(one.section) - SECTIONS.indexOf(other.section));
}
