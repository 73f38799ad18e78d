/** Numbers, times and sizes as people read them; every one with its unit. */

const NARROW_SPACE = "\u202f";
const plain = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** @param {string} text */
function typographic(text) {
  return text.replace(/-/g, "−");
}

/**
 * A number of unknown size in four digits.
 *
 * @param {number | null | undefined} value
 */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [digits, power] = value.toExponential(2).split("e");
    return typographic(`${Number(digits)}e${Number(power)}`);
  }
  return typographic(plain.format(value));
}

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/**
 * Thousands of pictures, without the unit.
 *
 * @param {number} value
 */
export function kimgNumber(value) {
  return value >= 1000 ? whole.format(value) : tenths.format(value);
}

/** @param {number} value */
export function kimg(value) {
  return `${kimgNumber(value)} kimg`;
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  const value = share * 100;
  if (value > 0 && value < 0.05) return `under 0.1${NARROW_SPACE}%`;
  return `${value > 0 && value < 10 ? tenths.format(value) : whole.format(value)}${NARROW_SPACE}%`;
}

/**
 * A time in its two largest units: `3 d 4 h`, `12 min 5 s`.
 *
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const total = Math.round(seconds);
  if (seconds > 0 && seconds < 0.0995) return `${number(Number((seconds * 1000).toPrecision(2)))} ms`;
  if (seconds < 9.95 && seconds > 0) return `${tenths.format(seconds)} s`;
  const parts = [
    [Math.floor(total / 86400), "d"],
    [Math.floor(total / 3600) % 24, "h"],
    [Math.floor(total / 60) % 60, "min"],
    [total % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => Number(amount) > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([amount], index) => index === 0 || Number(amount) > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** @param {number | null | undefined} bytes */
export function bytes(bytes) {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes) || bytes < 0) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : number(Number(value.toPrecision(3)))} ${units[unit]}`;
}

/**
 * How long ago something was.
 *
 * @param {number} unixSeconds
 * @param {number} [now]
 */
export function ago(unixSeconds, now = Date.now() / 1000) {
  const seconds = Math.max(0, now - unixSeconds);
  if (seconds < 60) return "just now";
  /** @type {[number, string][]} */
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [60, "min"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

/**
 * A resolution as `64x64`, however it was given.
 *
 * @param {string | number | null | undefined} resolution
 */
export function side(resolution) {
  if (resolution === null || resolution === undefined || resolution === "") return "–";
  const text = String(resolution);
  return /^\d+$/.test(text) ? `${text}x${text}` : text;
}

/**
 * The text of any value of a configuration, as TOML has it.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function plainValue(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(plainValue).join(", ")}]`;
  if (typeof value === "object") return `{ ${Object.entries(value).map(([key, inner]) => `${key} = ${plainValue(inner)}`).join(", ")} }`;
  return String(value);
}
