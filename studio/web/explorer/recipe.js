import { button } from "../components/button.js";
import { copyCommand } from "../components/copy.js";
import { openDialog } from "../components/dialog.js";
import { h } from "../dom.js";
import { STANDARD } from "./controls.js";
import { fromDraw } from "./draws.js";
import { describe } from "./naming.js";

/**
 * What a picture was drawn from, to be taken over: all of it, or all but the seed.
 *
 * @param {import("./app.js").App} app
 * @param {File} file
 * @param {import("../types.js").Recipe} recipe
 */
export function offerRecipe(app, file, recipe) {
  const url = URL.createObjectURL(file);
  // The tabs Grid and Mix have seeds only, no rows of files.
  const isSheet = ![recipe.seeds, recipe.rows, recipe.cols].some((list) => list?.includes("@"));
  const look = fromDraw(recipe.draw);
  /** @type {Partial<import("./controls.js").Controls>} */
  const all = { ...look, model: recipe.model ?? app.now.model };
  if (recipe.kind === "grid" && isSheet) Object.assign(all, { gridSeeds: recipe.seeds, gridColumns: recipe.columns ?? 4 });
  if (recipe.kind === "mix" && isSheet) Object.assign(all, { mixRows: recipe.rows ?? STANDARD.mixRows, mixCols: recipe.cols ?? STANDARD.mixCols, mixStyles: recipe.styles ?? "" });
  const tab = recipe.kind === "grid" && isSheet ? "grid" : recipe.kind === "mix" && isSheet ? "mix" : "picture";
  const remix = without(all, ["x", "y", "base", "latents", "share", "gridSeeds", "mixRows", "mixCols"]);
  // The latents of a sheet are its seeds, not the plane's, and they are neither mixed nor moved.
  const sheet = without(all, ["x", "y", "base", "latents", "share", "mixSeed", "mixLayers", "directions", "moves"]);

  const known = recipe.model !== null;
  const quoted = /^[\w.-]+$/.test(file.name) ? file.name : `'${file.name.replaceAll("'", "'\\''")}'`;
  const command = recipe.command.replace("PICTURE.png", quoted).replace("CHECKPOINT", recipe.model === app.model?.model && app.model ? app.model.command : "CHECKPOINT");
  const use = (/** @type {Partial<import("./controls.js").Controls>} */ patch) => () => {
    app.store.set(patch);
    app.store.put({ tab });
    dialog.close();
  };
  const kinds = { draw: "Picture", grid: "Grid of seeds", mix: "Style-mixing figure", walk: "Frame of a walk", other: "Picture" };
  const rows = [
    ["Kind", kinds[recipe.kind]],
    ["Network", `${recipe.network.slice(0, 12)}${known ? "" : ", not open here"}`],
    ["Settings", tab === "picture" ? describe({ ...STANDARD, ...all }) : `Psi ${recipe.draw.truncation_psi.toFixed(2)}`],
    ...(recipe.seeds ? [["Seeds", recipe.seeds]] : []),
    ...(recipe.rows ? [["Rows and columns", `${recipe.rows} and ${recipe.cols}`]] : []),
  ];
  const dialog = openDialog(`Recipe of ${file.name}`, [
    h("div", { class: "recipe" },
      h("img", { src: url, alt: "The picture" }),
      h("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]))),
    known ? null : h("div", { class: "notice warning" }, "Its network is not open here: the settings would draw another picture with the network that is"),
    h("pre", { class: "command" }, command),
  ], {
    foot: [
      h("span", { class: "grow" }, copyCommand(() => command)),
      h("button", { type: "button", title: "All but the seed", onclick: use(tab === "picture" ? remix : without(sheet, ["gridSeeds", "mixRows", "mixCols"])) }, "Remix"),
      button("Use all", use(tab === "picture" ? all : sheet), { className: "primary" }),
    ],
    closed: () => URL.revokeObjectURL(url),
  });
}

/**
 * @param {Partial<import("./controls.js").Controls>} controls
 * @param {(keyof import("./controls.js").Controls)[]} keys
 */
function without(controls, keys) {
  const rest = { ...controls };
  for (const key of keys) delete rest[key];
  return rest;
}
