/**
 * What to do when a connection ends or cannot be made, and when to doubt one that says nothing. Pure: time and chance
 * are arguments.
 */
import { Problem } from "./problem.js";

/**
 * Milliseconds that a connection works with.
 * @typedef {object} Timing
 * @property {number} heartbeatMs how often the server hears from us
 * @property {number} silenceMs nothing heard for so long is a loss: two heartbeats without an answer, and a bit
 * @property {number} answerMs for connecting, and for the answer to a question
 * @property {number} endingMs for the answer to endSession: what was said is delivered first
 * @property {number} firstRetryMs the first wait before a further try
 * @property {number} lastRetryMs the longest wait; it goes on trying for ever
 * @property {number} drainMs how long a connection that was replaced may still bring something
 */

/** @type {Timing} */
export const TIMING = Object.freeze({
  heartbeatMs: 30_000,
  silenceMs: 75_000,
  answerMs: 10_000,
  endingMs: 60_000,
  firstRetryMs: 1_000,
  lastRetryMs: 30_000,
  drainMs: 5_000,
});

/** A timer that comes so much too late was frozen: the computer slept, or the browser had other things to do. */
export const LATE_MS = 5_000;

/** Who is told "too fast" without a time. */
const RATE_LIMIT_WAIT_SECONDS = 30;

/** @type {Readonly<Record<number, [string, number, string]>>} After these codes trying again cannot help. */
const FINAL = Object.freeze({
  1009: ["MESSAGE_TOO_LARGE", 413, "messages were too large"],
  4001: ["INVALID_TOKEN", 401, "the token was not accepted"],
  4004: ["SESSION_NOT_FOUND", 404, "there is no such session"],
});

/**
 * What a close means: it is over as it should be (`finished`), it is to be mended (`lost`, not before `retryAfter`
 * seconds), or mending cannot help (`refused`).
 * @typedef {{kind: "finished"} | {kind: "lost", problem: Problem} | {kind: "refused", problem: Problem}} Ending
 */

/**
 * @param {number} code of the close; 1006 without a close frame
 * @param {object} known
 * @param {boolean} known.toldEnded sessionEnded came before
 * @param {boolean} known.refreshing a connection that takes its place is being made or made
 * @param {import("./messages.js").ErrorMessage} [known.error] the last message, where it was an error
 * @returns {Ending}
 */
export function ending(code, { toldEnded, refreshing, error }) {
  if (toldEnded || code === 4000) {
    return { kind: "finished" };
  }
  if (code === 1000 && !refreshing) {
    const problem = Problem.own("REPLACED", "another connection took the place of this one", { closeCode: code });
    return { kind: "refused", problem };
  }
  const told = error && Problem.told(error, code);
  const final = FINAL[code];
  if (final) {
    return { kind: "refused", problem: told ?? new Problem(...final, { closeCode: code }) };
  }
  if (code === 4029) {
    const retryAfter = Math.max(error?.retryAfter ?? 0, RATE_LIMIT_WAIT_SECONDS);
    const problem = new Problem("RATE_LIMIT_EXCEEDED", 429, "too much, too fast", { closeCode: code, retryAfter });
    return { kind: "lost", problem };
  }
  // 1008 among them: so ends who did not read for long, as a page does that was put to sleep.
  return {
    kind: "lost",
    problem: told ?? Problem.own("CONNECTION_LOST", "the connection was lost", { closeCode: code }),
  };
}

/**
 * Why there was no connection, where it was closed without a word.
 * @param {number} code
 */
export function unanswered(code) {
  const final = FINAL[code];
  return final
    ? new Problem(...final, { closeCode: code })
    : Problem.own("UNREACHABLE", "the server cannot be reached", { closeCode: code });
}

/**
 * True when the same attempt may succeed later.
 * @param {Problem} problem
 */
export function mayPass(problem) {
  return problem.status === 429 || problem.status >= 500;
}

/**
 * Milliseconds before attempt 0, 1, 2 …: doubling to a limit, never sooner than the server asked.
 * @param {number} attempt
 * @param {Timing} timing
 * @param {number} chance 0 to 1; takes up to half of it off, so that those who lost the same server do not return as one
 * @param {number} [retryAfter] seconds
 */
export function retryDelay(attempt, timing, chance, retryAfter = 0) {
  const most = Math.min(timing.firstRetryMs * 2 ** Math.min(attempt, 16), timing.lastRetryMs);
  return Math.round(Math.max(most * (1 - chance / 2), retryAfter * 1000 * (1 + chance / 10)));
}

/**
 * When to send a heartbeat, and when to give a connection up. Told of all that is heard; asked at `deadline`.
 *
 * A timer that comes too late (the computer slept) proves nothing against a connection, whose messages may be waiting to
 * be read: it is asked first, and then has `answerMs`. Where timers are always late (a page that nobody sees and that is
 * silent has one a minute) the second one without an answer is a loss.
 */
export class Pulse {
  #timing;
  #heardAt;
  #beatAt;
  /** @type {number | undefined} */
  #doubtedAt;

  /** @param {Timing} timing @param {number} now milliseconds */
  constructor(timing, now) {
    this.#timing = timing;
    this.#heardAt = now;
    this.#beatAt = now + timing.heartbeatMs;
  }

  /** @param {number} now */
  heard(now) {
    this.#heardAt = now;
    this.#doubtedAt = undefined;
  }

  /**
   * Something makes it doubtful that the connection lives.
   * @param {number} now
   * @returns {boolean} whether to send a heartbeat
   */
  doubt(now) {
    if (this.#doubtedAt !== undefined) {
      return false;
    }
    this.#doubtedAt = now;
    return true;
  }

  /** When to call `tick`, at the latest. */
  get deadline() {
    const doubted = this.#doubtedAt === undefined ? Infinity : this.#doubtedAt + this.#timing.answerMs;
    return Math.min(this.#beatAt, this.#heardAt + this.#timing.silenceMs, doubted);
  }

  /**
   * @param {number} now
   * @returns {"beat" | "lost" | undefined}
   */
  tick(now) {
    if (now < this.deadline) {
      return undefined;
    }
    if (now - this.deadline > LATE_MS && this.#doubtedAt === undefined) {
      this.#doubtedAt = now;
      this.#heardAt = now;
      this.#beatAt = now + this.#timing.heartbeatMs;
      return "beat";
    }
    const silent = now >= this.#heardAt + this.#timing.silenceMs;
    const unanswered = this.#doubtedAt !== undefined && now >= this.#doubtedAt + this.#timing.answerMs;
    if (silent || unanswered) {
      return "lost";
    }
    this.#beatAt = now + this.#timing.heartbeatMs;
    return "beat";
  }
}
