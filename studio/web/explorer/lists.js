/**
 * `0-3,5` as numbers, in order; null if it is not such a list.
 *
 * @param {string} text
 * @param {number} [most] how many numbers at most
 * @returns {number[] | null}
 */
export function readList(text, most = 4096) {
  /** @type {number[]} */
  const numbers = [];
  for (const part of text.split(",")) {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (!match) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || numbers.length + last - first >= most) return null;
    for (let number = first; number <= last; number += 1) numbers.push(number);
  }
  return numbers;
}

/**
 * The shortest list of these numbers: `0-3,5`.
 *
 * @param {number[]} numbers
 */
export function writeList(numbers) {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  /** @type {string[]} */
  const parts = [];
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return parts.join(",");
}
