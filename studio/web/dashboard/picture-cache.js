/** Pictures of a run as object URLs; the newest few are kept. */

/** Grids of large networks hold tens of megabytes. */
const MOST_PICTURES = 40;

export class PictureCache {
  /** @param {(file: string) => Promise<Blob>} fetchBlob */
  constructor(fetchBlob) {
    this.#fetch = fetchBlob;
  }

  #fetch;
  /** In order of last use. @type {Map<string, Promise<string>>} */
  #urls = new Map();

  /** @param {string} file @returns {Promise<string>} */
  url(file) {
    let url = this.#urls.get(file);
    if (url === undefined) {
      url = this.#fetch(file).then((blob) => URL.createObjectURL(blob));
      // What failed may be there the next time.
      url.catch(() => this.#urls.delete(file));
    }
    this.#urls.delete(file);
    this.#urls.set(file, url);
    for (const [old, oldUrl] of this.#urls) {
      if (this.#urls.size <= MOST_PICTURES) break;
      this.#urls.delete(old);
      void oldUrl.then(URL.revokeObjectURL, () => {});
    }
    return url;
  }

  /** @param {string} file */
  prefetch(file) {
    if (!this.#urls.has(file)) void this.url(file).catch(() => {});
  }

  clear() {
    for (const url of this.#urls.values()) void url.then(URL.revokeObjectURL, () => {});
    this.#urls.clear();
  }
}
