// Runs before the first paint, so that a page kept dark does not flash light.
(() => {
  try {
    const kept = localStorage.getItem("studio.theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch {
    // Storage may be forbidden; the system's preference holds then.
  }
})();
