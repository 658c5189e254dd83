/**
 * That a talk is open is remembered beside the page, so that a reload, a crash or a closed tab does not end it: the
 * server waits 30 s for its speaker. Kept in localStorage: the name of a session is no secret, and the tab that comes
 * next may be another. The token is not here.
 *
 * @typedef {object} Talk
 * @property {string} sessionId
 * @property {string} joinUrl
 * @property {string} sourceLanguage
 * @property {number} startedAt milliseconds since the epoch
 * @property {number} seenAt milliseconds since the epoch: the page lived
 */

const KEY = "lingocast.talk";
/** After this it is not even asked for: sessions end long before without their speaker. */
const FORGOTTEN_MS = 10 * 60_000;

/** @param {Talk} talk */
export function remember(talk) {
  try {
    window.localStorage.setItem(KEY, JSON.stringify(talk));
  } catch {
    // Full or forbidden: a reload then ends the talk after 30 s, as the browser's question on leaving says.
  }
}

export function forget() {
  try {
    window.localStorage.removeItem(KEY);
  } catch {
    // Forbidden: nothing was kept either.
  }
}

/**
 * The talk that was open here lately.
 *
 * @param {number} now milliseconds since the epoch
 * @returns {Talk | undefined}
 */
export function remembered(now) {
  try {
    return read(window.localStorage.getItem(KEY), now);
  } catch {
    return undefined;
  }
}

/**
 * A stored talk, unless it is too old or not one. Pure.
 *
 * @param {string | null} text
 * @param {number} now milliseconds since the epoch
 * @returns {Talk | undefined}
 * @throws {SyntaxError} for what is no JSON
 */
export function read(text, now) {
  const talk = /** @type {Partial<Talk> | null} */ (text ? JSON.parse(text) : null);
  if (!talk || typeof talk.sessionId !== "string" || typeof talk.seenAt !== "number") return undefined;
  if (now - talk.seenAt > FORGOTTEN_MS) return undefined;
  return {
    sessionId: talk.sessionId,
    joinUrl: typeof talk.joinUrl === "string" ? talk.joinUrl : "",
    sourceLanguage: typeof talk.sourceLanguage === "string" ? talk.sourceLanguage : "",
    startedAt: typeof talk.startedAt === "number" ? talk.startedAt : now,
    seenAt: talk.seenAt,
  };
}
