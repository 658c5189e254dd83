// When a context of Web Audio may really sound. Hides that a browser that wants a tap first leaves `resume()` unanswered,
// for ever, instead of refusing.

const PATIENCE_MS = 5000;

/**
 * Resumes it; to be called in a tap. Raises a DOMException "NotAllowedError" when it does not run within 5 s.
 * @param {AudioContext} context
 */
export async function running(context) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const refused = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new DOMException("the browser lets no sound begin", "NotAllowedError")),
      PATIENCE_MS,
    );
  });
  try {
    await Promise.race([context.resume(), refused]);
  } finally {
    clearTimeout(timer);
  }
}
