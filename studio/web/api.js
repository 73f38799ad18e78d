/**
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Draw} Draw
 * @typedef {import("./types.js").LatentsId} LatentsId
 * @typedef {import("./types.js").Point} Point
 */

const TOKEN_KEY = "studio.token";

/** The token came in the fragment, which no server's log sees; there it must not stay. */
function takeToken() {
  const match = /^#(?:.*&)?token=([^&]*)/.exec(location.hash);
  if (match) {
    try {
      sessionStorage.setItem(TOKEN_KEY, decodeURIComponent(match[1] ?? ""));
    } catch {
      // Without storage the token is good until the page is loaded anew.
    }
    history.replaceState(null, "", `${location.pathname}#/explore`);
    return decodeURIComponent(match[1] ?? "");
  }
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null;
  }
}

const token = takeToken();

/** What the server said against a request, or why it could not be asked. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, causes?: string[], hint?: string | null}} [more]
   */
  constructor(message, { status = 0, causes = [], hint = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.causes = causes;
    this.hint = hint;
  }
}

/**
 * Any thrown thing as sentences for people.
 *
 * @param {unknown} error
 * @returns {{error: string, causes: string[], hint: string | null}}
 */
export function sentences(error) {
  if (error instanceof ApiError) return { error: error.message, causes: error.causes, hint: error.hint };
  return { error: error instanceof Error ? error.message : String(error), causes: [], hint: null };
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * For addresses that cannot carry a header: `EventSource`, `<img>`, links.
 *
 * @param {string} path
 */
export function withToken(path) {
  if (!token) return path;
  return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
}

/** @param {Response} response */
async function failure(response) {
  if (response.status === 401) {
    return new ApiError("the server wants its token, and this page has none or a wrong one", {
      status: 401,
      hint: "open the address that the server printed, with #token=… at its end",
    });
  }
  try {
    const body = await response.json();
    return new ApiError(String(body.error), { status: response.status, causes: body.causes ?? [], hint: body.hint ?? null });
  } catch {
    return new ApiError(`the server answered ${response.status} ${response.statusText}`.trim(), { status: response.status });
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal | null | undefined} signal
 */
function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

/**
 * Asks the server, with the token; waits and asks again while it is busy (429).
 *
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function request(path, init = {}) {
  const headers = new Headers(init.headers);
  if (token) headers.set("authorization", `Bearer ${token}`);
  for (let attempt = 0; ; attempt += 1) {
    let response;
    try {
      response = await fetch(path, { ...init, headers });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError("the server cannot be reached", { hint: "is `stylegan studio` still running?" });
    }
    if (response.ok) return response;
    if (response.status === 429 && attempt < 5) {
      await sleep(150 * 2 ** attempt, init.signal);
      continue;
    }
    throw await failure(response);
  }
}

/**
 * @param {string} path
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function getJson(path, { signal } = {}) {
  return (await request(path, { signal })).json();
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function postJson(path, body, options = {}) {
  return (await postFor(path, body, options)).json();
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {{signal?: AbortSignal}} [options]
 */
function postFor(path, body, { signal } = {}) {
  return request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });
}

/**
 * @param {string} path
 * @param {Blob} bytes
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function postBytes(path, bytes, { signal } = {}) {
  return (await request(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: bytes, signal })).json();
}

/**
 * @param {string} path
 * @param {{signal?: AbortSignal}} [options]
 */
export async function getBlob(path, { signal } = {}) {
  return (await request(path, { signal })).blob();
}

/**
 * Posts JSON, gets a picture.
 *
 * @param {string} path
 * @param {unknown} body
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<{blob: Blob, drawMs: number, roundTripMs: number, headers: Headers}>}
 */
export async function postForPicture(path, body, options = {}) {
  const start = performance.now();
  const response = await postFor(path, body, options);
  const blob = await response.blob();
  return { blob, drawMs: Number(response.headers.get("x-draw-ms") ?? 0), roundTripMs: performance.now() - start, headers: response.headers };
}

/**
 * Server-sent events that come back after a cut: the browser's own reconnect ends at an HTTP error, this one does not.
 *
 * @param {string} path
 * @param {Record<string, (data: any) => void>} listeners by the event's name; nameless events are `message`
 * @param {{connected?: (connected: boolean) => void}} [options]
 * @returns {() => void} ends it
 */
export function listen(path, listeners, { connected } = {}) {
  /** @type {EventSource | null} */
  let source = null;
  let timer = 0;
  let wait = 500;
  let ended = false;

  function open() {
    source = new EventSource(withToken(path));
    source.addEventListener("open", () => {
      wait = 500;
      connected?.(true);
    });
    source.addEventListener("error", () => {
      if (ended) return;
      connected?.(false);
      source?.close();
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 10_000);
    });
    for (const [name, listener] of Object.entries(listeners)) {
      source.addEventListener(name, (event) => listener(JSON.parse(/** @type {MessageEvent} */ (event).data)));
    }
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    source?.close();
  };
}

const encode = encodeURIComponent;

/** @returns {Promise<import("./types.js").About>} */
export const about = () => getJson("/api/about");

/** @returns {Promise<import("./types.js").ModelEntry[]>} */
export const models = () => getJson("/api/models");

/**
 * @param {number} model
 * @returns {Promise<Model>}
 */
export const model = (model) => getJson(`/api/models/${model}`);

/**
 * @param {File} file
 * @param {number | null} [resolution] for files of other programs which do not say it
 * @returns {Promise<Model>}
 */
export const uploadModel = (file, resolution = null) =>
  postBytes(`/api/models?name=${encode(file.name)}${resolution ? `&resolution=${resolution}` : ""}`, file);

/**
 * @param {number} model
 * @param {Draw} draw
 * @param {number} coarser
 * @param {AbortSignal} [signal]
 */
export const picture = (model, draw, coarser, signal) => postForPicture(`/api/models/${model}/picture`, { draw, coarser }, { signal });

/**
 * @param {number} model
 * @param {{seeds: string, latents: LatentsId | null, columns: number, draw: Draw}} grid
 * @param {AbortSignal} [signal]
 */
export const grid = (model, grid, signal) => postForPicture(`/api/models/${model}/grid`, grid, { signal });

/**
 * @param {number} model
 * @param {{rows: string, cols: string, styles: string, latents: LatentsId | null, draw: Draw}} mix
 * @param {AbortSignal} [signal]
 */
export const mix = (model, mix, signal) => postForPicture(`/api/models/${model}/mix`, mix, { signal });

/**
 * @param {number} model
 * @param {Draw} draw
 * @param {AbortSignal} [signal]
 * @returns {Promise<import("./types.js").LayerStats[]>}
 */
export const layers = (model, draw, signal) => postJson(`/api/models/${model}/layers`, { draw }, { signal });

/**
 * @param {number} model
 * @param {number} layer
 * @param {{draw: Draw, first: number, count: number}} what
 * @param {AbortSignal} [signal]
 */
export const features = (model, layer, what, signal) => postForPicture(`/api/models/${model}/layers/${layer}`, what, { signal });

/**
 * @param {number} model
 * @param {{draw: Draw} | {mix: object} | {grid: object} | {film: object}} what
 * @returns {Promise<string>}
 */
export const command = async (model, what) => (await postJson(`/api/models/${model}/command`, what)).command;

/**
 * @param {number} model
 * @param {Blob} png
 * @returns {Promise<import("./types.js").Recipe>}
 */
export const recipe = (model, png) => postBytes(`/api/models/${model}/recipe`, png);

/**
 * The w of pictures, kept by the server as a file of latents.
 *
 * @param {number} model
 * @param {Draw[]} draws
 * @returns {Promise<import("./types.js").Latents>}
 */
export const latentsOf = (model, draws) => postJson(`/api/models/${model}/latents`, { draws });

/**
 * @param {File} file
 * @returns {Promise<import("./types.js").Latents>}
 */
export const uploadLatents = (file) => postBytes(`/api/latents?name=${encode(file.name)}`, file);

/**
 * @param {number} model
 * @returns {Promise<{directions: LatentsId, count: number}>}
 */
export const directions = (model) => getJson(`/api/models/${model}/directions`);

/**
 * @param {number} model
 * @param {import("./types.js").Film} film
 * @returns {Promise<{job: string | number}>}
 */
export const startFilm = (model, film) => postJson(`/api/models/${model}/films`, film);

/**
 * @param {number} model
 * @param {{photo: string | number, points: Point[] | null, space: "w" | "w_plus", steps: number, class: number | null}} projection
 * @returns {Promise<{job: string | number}>}
 */
export const startProjection = (model, projection) => postJson(`/api/models/${model}/projections`, projection);

/**
 * @param {string | number} job
 * @param {(state: import("./types.js").JobState) => void} listener
 * @param {(connected: boolean) => void} [connected]
 */
export const watchJob = (job, listener, connected) => listen(`/api/jobs/${job}/events`, { message: listener }, { connected });

/** @param {string | number} job */
export const stopJob = (job) => postJson(`/api/jobs/${job}/stop`, {});

/** @param {string | number} job */
export const jobFile = (job) => request(`/api/jobs/${job}/file`);

/**
 * @param {string | number} job
 * @param {number} n busts caches only
 */
export const jobPicture = (job, n) => getBlob(`/api/jobs/${job}/picture?n=${n}`);

/** @param {string | number} job */
export const jobTarget = (job) => getBlob(`/api/jobs/${job}/target`);

/**
 * @param {File} file
 * @returns {Promise<import("./types.js").Photo>}
 */
export const uploadPhoto = (file) => postBytes(`/api/photos?name=${encode(file.name)}`, file);

/** @param {string | number} photo */
export const photoPicture = (photo) => getBlob(`/api/photos/${photo}`);

/**
 * @param {string | number} photo
 * @param {Point[] | null} points
 * @param {number} side
 * @param {AbortSignal} [signal]
 */
export const crop = (photo, points, side, signal) => postForPicture(`/api/photos/${photo}/crop`, { points, side }, { signal });
