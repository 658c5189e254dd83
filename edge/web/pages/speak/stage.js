/**
 * What a speaker must know at a glance: one word for how the broadcast stands. Pure.
 *
 * @typedef {"opening" | "live" | "paused" | "muted" | "waiting" | "offline" | "silent" | "ending" | "ended"} Stage
 * @typedef {object} Standing
 * @property {boolean} opened the server has answered once
 * @property {"connecting" | "open" | "waiting" | "offline" | "closed"} connection
 * @property {boolean} paused
 * @property {boolean} muted
 * @property {number} volume 0 to 1
 * @property {boolean} sourceLost the microphone was unplugged, or the recording is over
 * @property {boolean} ending
 * @property {boolean} ended
 */

/**
 * The stage. What keeps words from listeners comes before what the speaker chose: who is cut off must not read LIVE,
 * and must not read PAUSED either, or they would wait for nothing.
 *
 * @param {Standing} standing
 * @returns {Stage}
 */
export function stageOf(standing) {
  if (standing.ended) return "ended";
  if (standing.ending) return "ending";
  if (standing.connection === "offline") return "offline";
  if (standing.connection !== "open") return standing.opened ? "waiting" : "opening";
  if (standing.paused) return "paused";
  if (standing.muted || standing.volume === 0) return "muted";
  return standing.sourceLost ? "silent" : "live";
}

/**
 * A length of time as a clock shows it: `4:05`, `1:04:05`.
 *
 * @param {number} seconds
 * @returns {string}
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const ending = `:${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}${ending}` : `${minutes}${ending}`;
}

/**
 * Who listens, by language: most listeners first. `lag` in seconds where a voice has been heard.
 *
 * @param {{languageDistribution: Record<string, number>, lag: Record<string, number>}} status
 * @returns {{language: string, count: number, lag: number | undefined}[]}
 */
export function audienceOf(status) {
  return Object.entries(status.languageDistribution)
    .filter(([, count]) => count > 0)
    .map(([language, count]) => ({ language, count, lag: status.lag[language] }))
    .sort((a, b) => b.count - a.count || (a.language < b.language ? -1 : 1));
}
