import * as api from "../api.js";
import { button } from "../components/button.js";
import { openDialog } from "../components/dialog.js";
import { numberBox } from "../components/number.js";
import { errorNotice } from "../components/notice.js";
import { toast, toastError } from "../components/toast.js";
import { fill, h } from "../dom.js";
import { offerRecipe } from "./recipe.js";

/** That of latents is small, that of networks is not much larger. */
const MOST_HEADER_BYTES = 2 ** 20;
const PHOTO = /\.(jpe?g|webp|bmp|gif|tiff?|avif|heic|ppm|qoi)$/i;
const LATENTS = /\.(npz|npy)$/i;

/** @param {number} bytes */
const mebibytes = (bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/**
 * Opens files of any kind by what they are: a network, a picture with its recipe, a photo, latents.
 *
 * @param {import("./app.js").App} app
 * @param {File[]} files
 * @param {(photo: File) => void} openPhoto
 */
export async function openFiles(app, files, openPhoto) {
  for (const file of files) {
    try {
      await openFile(app, file, openPhoto);
    } catch (error) {
      toastError(error);
    }
  }
}

/**
 * @param {import("./app.js").App} app
 * @param {File} file
 * @param {(photo: File) => void} openPhoto
 */
async function openFile(app, file, openPhoto) {
  const { limits } = await api.about();
  if (file.size > limits.upload_bytes) {
    throw new api.ApiError(`${file.name} has ${mebibytes(file.size)}, and the server takes at most ${mebibytes(limits.upload_bytes)}`, { hint: "start `stylegan studio` with this file instead" });
  }
  if (/\.png$/i.test(file.name)) {
    await openPng(app, file, openPhoto);
  } else if (PHOTO.test(file.name) || (file.type.startsWith("image/") && !LATENTS.test(file.name))) {
    openPhoto(file);
  } else if (LATENTS.test(file.name)) {
    offerLatents(app, file, await api.uploadLatents(file));
  } else if (/\.safetensors$/i.test(file.name) && (await holdsLatents(file))) {
    offerLatents(app, file, await api.uploadLatents(file));
  } else {
    await openModel(app, file, null);
  }
}

/**
 * Both latents and networks are safetensors; the names of the tensors tell them apart.
 *
 * @param {File} file
 */
async function holdsLatents(file) {
  try {
    const length = new DataView(await file.slice(0, 8).arrayBuffer()).getUint32(0, true);
    const header = JSON.parse(await file.slice(8, 8 + Math.min(length, MOST_HEADER_BYTES)).text());
    return ["z", "w", "w_plus"].some((name) => name in header);
  } catch {
    // It is damaged, or no safetensors file at all, which the server says.
    return false;
  }
}

/**
 * @param {import("./app.js").App} app
 * @param {File} file
 * @param {(photo: File) => void} openPhoto
 */
async function openPng(app, file, openPhoto) {
  if (!app.model) throw new Error("no network is open that could draw this picture");
  try {
    offerRecipe(app, file, await api.recipe(app.model.model, file));
  } catch (error) {
    if (!(error instanceof api.ApiError) || error.status !== 400) throw error;
    // A PNG without a recipe is a photo like others; why a recipe cannot be used must be said.
    if (error.message.includes("no recipe")) openPhoto(file);
    else toast([error.message, ...error.causes].join(": "), { kind: "danger", hint: error.hint, action: { label: "Use as photo", run: () => openPhoto(file) } });
  }
}

/**
 * @param {import("./app.js").App} app
 * @param {File} file
 * @param {number | null} resolution
 */
async function openModel(app, file, resolution) {
  toast(`Opening ${file.name}`, { seconds: 3 });
  try {
    app.add(await api.uploadModel(file, resolution));
    toast(`${file.name} is open`);
  } catch (error) {
    const { error: text, hint } = api.sentences(error);
    if (resolution === null && /resolution/i.test(`${text} ${hint ?? ""}`)) askResolution(app, file, error);
    else throw error;
  }
}

/**
 * @param {import("./app.js").App} app
 * @param {File} file
 * @param {unknown} error why it must be asked
 */
function askResolution(app, file, error) {
  let resolution = 1024;
  const dialog = openDialog(`Open ${file.name}`, [
    errorNotice(error),
    numberBox({ label: "Resolution in pixels", min: 4, max: 4096, value: resolution }, (value) => {
      resolution = value;
    }),
  ], {
    foot: [button("Open", () => {
      dialog.close();
      openModel(app, file, resolution).catch(toastError);
    }, { className: "primary" })],
  });
}

/**
 * @param {import("./app.js").App} app
 * @param {File} file
 * @param {import("../types.js").Latents} latents
 */
function offerLatents(app, file, { latents, count, space, hash }) {
  app.session.files.set(latents, { name: file.name, count });
  let row = 0;
  const facts = h("dl", { class: "facts" });
  fill(facts, h("dt", null, "Latents"), h("dd", null, String(count)), h("dt", null, "Space"), h("dd", null, space), h("dt", null, "Hash"), h("dd", { class: "mono" }, hash.slice(0, 12)));
  const dialog = openDialog(file.name, [
    facts,
    count > 1 ? numberBox({ label: `Row, 0 to ${count - 1}`, min: 0, max: count - 1, value: 0 }, (value) => {
      row = value;
    }) : null,
  ], {
    foot: [
      button("Use as directions", () => {
        app.store.set({ directions: latents, moves: {} });
        dialog.close();
      }),
      button("Show", () => {
        app.store.set({ base: `@${row}:1`, latents, share: 0 });
        app.store.put({ tab: "picture" });
        dialog.close();
      }, { className: "primary" }),
    ],
  });
}
