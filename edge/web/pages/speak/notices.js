/**
 * Which notices stand before a speaker: flaws of the sound and troubles of recognition, each once, until it is over;
 * losses, which are over when they are told, for a while. Pure: time is an argument, in milliseconds.
 *
 * @typedef {"warning" | "trouble" | "lost" | "good"} Level
 * @typedef {{key: string, level: Level, words: string, values: Record<string, string | number>}} Notice
 *   `key`: the same for the same matter; `words`: the catalogue's key of its sentence, or a code that problems.js has
 *   words for
 */

/** How long a loss, or that something works again, is shown. */
export const SHOWN_MS = 15_000;

const ISSUES = new Set(["snr_low", "clipping", "echo", "silence"]);
/** What the server tells in mid-talk; each has words of its own in problems.js. */
const TROUBLES = new Set(["SERVICE_UNAVAILABLE", "TRANSCRIPTION_FAILED", "ENGINE_CHANGED", "AUDIO_DROPPED"]);

export class Notices {
  constructor() {
    /** @type {Map<string, {notice: Notice, until: number}>} */
    this.standing = new Map();
  }

  /** What is to be shown, the oldest first. @returns {Notice[]} */
  get current() {
    return [...this.standing.values()].map(({ notice }) => notice);
  }

  /**
   * A flaw of the sound begins, or goes on.
   *
   * @param {{issue: string, advice: string}} warning
   */
  warned(warning) {
    const known = ISSUES.has(warning.issue);
    this.#put(`quality:${warning.issue}`, "warning", known ? `quality.${warning.issue}` : "quality.other", {
      advice: warning.advice,
    });
  }

  /** @param {{issue: string}} cleared */
  cleared(cleared) {
    this.standing.delete(`quality:${cleared.issue}`);
  }

  /**
   * Something failed, and the broadcast goes on.
   *
   * @param {{code: string, message: string}} trouble
   * @param {number} now
   */
  troubled(trouble, now) {
    const { code, message } = trouble;
    const words = TROUBLES.has(code) ? code : "trouble.other";
    // No recovery follows what was lost.
    if (code === "AUDIO_DROPPED") this.#put(`trouble:${code}`, "lost", words, {}, now + SHOWN_MS);
    else this.#put(`trouble:${code}`, code === "ENGINE_CHANGED" ? "warning" : "trouble", words, { message });
  }

  /**
   * @param {{code: string}} recovered `code` as it was told when it failed
   * @param {number} now
   */
  recovered(recovered, now) {
    if (!this.standing.delete(`trouble:${recovered.code}`)) return;
    this.#put("recovered", "good", "trouble.recovered", {}, now + SHOWN_MS);
  }

  /**
   * Speech that nobody will hear. Further seconds while it is shown are added.
   *
   * @param {number} seconds
   * @param {number} now
   */
  lost(seconds, now) {
    const before = Number(this.standing.get("lost")?.notice.values.seconds ?? 0);
    const count = Math.round((before + seconds) * 10) / 10;
    this.#put("lost", "lost", "trouble.lost", { seconds: count, count }, now + SHOWN_MS);
  }

  /**
   * Any other matter, until `over` or for `SHOWN_MS` from `now` on.
   *
   * @param {string} words the catalogue's key, which is also the matter's
   * @param {Level} level
   * @param {number} [now]
   * @param {Record<string, string | number>} [values]
   */
  say(words, level, now, values = {}) {
    this.#put(words, level, words, values, now === undefined ? Infinity : now + SHOWN_MS);
  }

  /** @param {string} words */
  over(words) {
    this.standing.delete(words);
  }

  /** Takes away what was shown long enough. @param {number} now */
  tick(now) {
    for (const [key, { until }] of this.standing) if (until <= now) this.standing.delete(key);
  }

  /**
   * @param {string} key
   * @param {Level} level
   * @param {string} words
   * @param {Record<string, string | number>} values
   * @param {number} [until]
   */
  #put(key, level, words, values, until = Infinity) {
    this.standing.set(key, { notice: { key, level, words, values }, until });
  }
}
