// Keeps the screen on. A browser takes the lock away whenever the page is hidden; it is asked for again when the page
// is seen. Where there is none (plain http, older browsers) the screen goes dark as always, and nothing else fails.

/** How many want the screen on; they share one lock. */
let wanted = 0;
/** @type {WakeLockSentinel | undefined} */
let lock;
let asking = false;

/**
 * Keeps the screen on from now on.
 * @returns {() => void} lets it go dark again, once nobody else wants it on
 */
export function keepAwake() {
  if (wanted++ === 0) document.addEventListener("visibilitychange", seen);
  void ask();
  let released = false;
  return () => {
    if (released) return;
    released = true;
    if (--wanted > 0) return;
    document.removeEventListener("visibilitychange", seen);
    letGo();
  };
}

/** Whether the screen is kept on at this moment. */
export function isAwake() {
  return lock !== undefined;
}

function seen() {
  void ask();
}

async function ask() {
  if (asking || lock || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
  asking = true;
  try {
    const got = await navigator.wakeLock.request("screen");
    got.addEventListener("release", () => {
      if (lock === got) lock = undefined;
    });
    lock = got;
  } catch {
    // The battery is low, or the page was hidden meanwhile: the next time it is seen we ask again.
  } finally {
    asking = false;
  }
  if (wanted === 0) letGo();
}

function letGo() {
  lock?.release().catch(() => {});
  lock = undefined;
}
