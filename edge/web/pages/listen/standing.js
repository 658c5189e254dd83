/**
 * How it stands, in one line: of all that may be so at a time (the connection, the speaker's switches, the listener's
 * own, what came so far) the one thing that a listener needs to be told. Pure.
 *
 * @typedef {"connecting" | "open" | "waiting" | "offline" | "closed"} ConnectionStatus
 * @typedef {object} Facts
 * @property {ConnectionStatus} connection
 * @property {number} [retryAt] ms since the epoch of the next try, while `connection` is "waiting"
 * @property {{isActive: boolean, isPaused: boolean, isMuted: boolean, volume: number}} [broadcast] the speaker's switches
 * @property {string} [reason] why it is not connected, in words, where it is more than a lost connection
 * @property {boolean} ended the session has ended
 * @property {boolean} silent sound is wanted, and none may come before the listener has tapped
 * @property {boolean} interrupted the phone took the sound away, as for a call
 * @property {boolean} paused by the listener
 * @property {boolean} [stream] what is heard is the plain stream, which keeps nothing in a pause
 * @property {string} [unavailable] the language that fails at present, by name
 * @property {boolean} heard whether anything was said so far
 * @property {string} [switching] the language that comes next, by name
 *
 * @typedef {object} Standing
 * @property {string} key of the words
 * @property {"calm" | "notice" | "trouble"} tone
 * @property {Record<string, string | number>} [values] for the words
 * @property {"retry" | "sound" | "resume"} [action] what the listener can do about it
 */

/** Beyond this a countdown says nothing that helps. */
const MOST_SECONDS = 99;

/**
 * @param {Facts} facts
 * @param {number} now ms since the epoch
 * @returns {Standing}
 */
export function standing(facts, now) {
  if (facts.ended) return { key: "standing.ended", tone: "calm" };
  return lost(facts, now) ?? own(facts) ?? speakers(facts) ?? { key: "standing.live", tone: "calm" };
}

/** @param {Facts} facts @param {number} now @returns {Standing | undefined} */
function lost(facts, now) {
  switch (facts.connection) {
    case "closed":
      return { key: "standing.closed", tone: "trouble", action: "retry" };
    case "offline":
      return { key: "standing.offline", tone: "trouble", action: "retry" };
    case "waiting": {
      const count = Math.min(MOST_SECONDS, Math.ceil(((facts.retryAt ?? now) - now) / 1000));
      if (count <= 0) return { key: "standing.reconnecting", tone: "trouble", action: "retry" };
      const { reason } = facts;
      if (reason) return { key: "standing.because", tone: "trouble", values: { reason, count }, action: "retry" };
      return { key: "standing.waiting", tone: "trouble", values: { count }, action: "retry" };
    }
    case "connecting":
      return { key: facts.heard ? "standing.reconnecting" : "standing.connecting", tone: "notice" };
    default:
      return undefined;
  }
}

/** What the listener can change. @param {Facts} facts @returns {Standing | undefined} */
function own(facts) {
  if (facts.silent) return { key: "standing.silent", tone: "notice", action: "sound" };
  if (facts.interrupted) return { key: "standing.interrupted", tone: "notice", action: "resume" };
  const paused = facts.stream ? "standing.pausedStream" : "standing.paused";
  if (facts.paused) return { key: paused, tone: "notice", action: "resume" };
  return undefined;
}

/** @param {Facts} facts @returns {Standing | undefined} */
function speakers({ broadcast, unavailable, switching, heard }) {
  if (broadcast && !broadcast.isActive) return { key: "standing.away", tone: "notice" };
  if (broadcast?.isPaused) return { key: "standing.speakerPaused", tone: "notice" };
  if (broadcast && (broadcast.isMuted || broadcast.volume === 0)) return { key: "standing.muted", tone: "notice" };
  if (unavailable) return { key: "standing.unavailable", tone: "trouble", values: { language: unavailable } };
  if (switching) return { key: "standing.switching", tone: "calm", values: { language: switching } };
  if (!heard) return { key: "standing.quiet", tone: "calm" };
  return undefined;
}
