// What the server sends and takes, as types only: see docs/studio.md for the API.

/**
 * @typedef {object} About
 * @property {string} version
 * @property {string} device
 * @property {number} threads
 * @property {string} address
 * @property {boolean} has_token
 * @property {string[]} roots
 * @property {{upload_bytes: number, photo_pixels: number}} limits
 * @property {number | null} serving_run
 * @property {string} projector
 * @property {string[]} exposed
 */

/**
 * @typedef {object} ModelEntry
 * @property {number} model
 * @property {string} name
 * @property {"demo" | "snapshot" | "file" | "uploaded"} kind
 * @property {number | null} run
 * @property {number | null} kimg
 */

/**
 * @typedef {object} LayerShape
 * @property {number} layer
 * @property {number} width
 * @property {number} height
 * @property {number} channels
 */

/**
 * @typedef {object} ModelFacts
 * @property {string} hash
 * @property {{width: number, height: number}} resolution
 * @property {{width: number, height: number}} full
 * @property {number} lod
 * @property {number} channels
 * @property {number} z_dim
 * @property {number} w_dim
 * @property {number} num_layers
 * @property {number} label_dim
 * @property {string[]} classes
 * @property {boolean} styles
 * @property {"key" | "numpy"} seed_style
 * @property {LayerShape[]} layers
 * @property {{coarse: string, middle: string, fine: string}} scales
 * @property {string} command
 * @property {number} coarser
 * @property {{truncation_psi: number, truncation_cutoff: number}} [usual]
 */

/** @typedef {ModelEntry & ModelFacts} Model */

/** @typedef {string | number} LatentsId */

/**
 * @typedef {object} Draw
 * @property {string} blend
 * @property {LatentsId | null} latents
 * @property {{latent: string, layers: string} | null} styles
 * @property {{row: number, strength: number}[]} moves
 * @property {LatentsId | null} directions
 * @property {number | null} class
 * @property {string | null} label
 * @property {number} truncation_psi
 * @property {number | null} truncation_cutoff
 * @property {"const" | "random" | "none"} noise_mode
 * @property {number} noise_seed
 */

/**
 * @typedef {object} Latents
 * @property {LatentsId} latents
 * @property {number} count
 * @property {string} space
 * @property {string} hash
 */

/** @typedef {LayerShape & {mean: number, deviation: number, maximum: number}} LayerStats */

/**
 * @typedef {object} Recipe
 * @property {number | null} model
 * @property {string} network
 * @property {"draw" | "grid" | "mix" | "walk" | "other"} kind
 * @property {Draw} draw
 * @property {string} [seeds]
 * @property {number} [columns]
 * @property {string} [rows]
 * @property {string} [cols]
 * @property {string} [styles]
 * @property {string} command
 */

/** @typedef {[number, number]} Point in pixels of the photo, x first */

/**
 * @typedef {object} Photo
 * @property {string | number} photo
 * @property {number} width
 * @property {number} height
 * @property {Point[][]} faces
 */

/**
 * @typedef {object} JobState
 * @property {"waiting" | "running" | "done" | "stopped" | "failed"} state
 * @property {number} done
 * @property {number} total
 * @property {number | null} loss
 * @property {number | null} psnr
 * @property {number} pictures
 * @property {{error: string, causes: string[], hint: string | null} | null} error
 * @property {LatentsId | null} latents
 */

/**
 * @typedef {object} Film
 * @property {Draw[] | null} keyframes
 * @property {string | null} seeds
 * @property {number} frames
 * @property {number} fps
 * @property {"mp4" | "gif" | "apng"} format
 * @property {"straight" | "spline" | "smooth"} path
 * @property {boolean} looping
 * @property {"w" | "z"} space
 * @property {"none" | "in-out"} easing
 * @property {string | null} layers
 * @property {number} seconds
 * @property {Draw} draw
 */

export {};
