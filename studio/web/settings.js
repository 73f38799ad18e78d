/**
 * A value kept in the browser; forbidden storage means that nothing is kept.
 *
 * @param {string} key
 * @returns {string | null}
 */
export function kept(key) {
  try {
    return localStorage.getItem(`studio.${key}`);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string | null} value
 */
export function keep(key, value) {
  try {
    if (value === null) localStorage.removeItem(`studio.${key}`);
    else localStorage.setItem(`studio.${key}`, value);
  } catch {
    // Kept for as long as the page lives only.
  }
}
