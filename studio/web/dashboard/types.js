/**
 * What the server says of runs (see the contract of the API), as types for `tsc`.
 *
 * @typedef {"training" | "paused" | "stopped" | "finished" | "unknown"} RunState
 *
 * @typedef {object} RunSummary
 * @property {number} run
 * @property {string} name
 * @property {RunState} state
 * @property {number} kimg
 * @property {number | null} total_kimg
 * @property {string | number | null} resolution
 * @property {boolean} live
 * @property {number} modified seconds since 1970
 *
 * @typedef {object} Level
 * @property {string} resolution
 * @property {number} from_kimg
 * @property {number} fade_until_kimg
 * @property {number} to_kimg
 *
 * @typedef {object} Snapshot
 * @property {number} kimg
 * @property {number} model
 *
 * @typedef {object} Grid
 * @property {string} name
 * @property {number} kimg
 * @property {string} file
 *
 * @typedef {object} Change
 * @property {string} key
 * @property {unknown} value
 * @property {unknown} preset
 *
 * @typedef {object} Measure
 * @property {string} name
 * @property {number[]} kimg
 * @property {(number | null)[]} value
 *
 * @typedef {object} RunInfo
 * @property {number} run
 * @property {string} name
 * @property {string} [argument] the folder as a command takes it
 * @property {RunState} state
 * @property {boolean} live
 * @property {number} kimg
 * @property {number | null} total_kimg
 * @property {string} config
 * @property {string | null} preset
 * @property {Change[]} changes
 * @property {Level[]} levels
 * @property {Snapshot[]} snapshots
 * @property {number | null} next_snapshot_kimg
 * @property {Grid[]} grids
 * @property {string | null} reals
 * @property {Measure[]} [measures]
 *
 * @typedef {object} StatsReply
 * @property {number} count
 * @property {number[]} kimg
 * @property {(number | null)[]} elapsed_sec
 * @property {Record<string, (number | null)[]>} numbers
 *
 * @typedef {{level: "info" | "warning", text: string}} LogLine
 * @typedef {{end: number, lines: LogLine[]}} LogReply
 *
 * @typedef {object} Changed
 * @property {number} stats
 * @property {number} log
 * @property {number} grids
 * @property {number} snapshots
 * @property {number} [measures]
 * @property {RunState} state
 *
 * @typedef {object} Step
 * @property {number} step
 * @property {number} nimg
 * @property {number} total_nimg
 * @property {string | number} resolution
 * @property {number} fade
 * @property {number} images_per_sec
 * @property {number | null} left_sec
 * @property {number | null} next_snapshot_sec
 */
export {};
