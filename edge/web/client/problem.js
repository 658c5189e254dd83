/**
 * What went wrong, in the three forms that a page needs: a code for programs, a status, a sentence for people.
 *
 * Hides whether the server refused, the connection broke, or this client found something out by itself: all are Problems.
 */

/**
 * The codes that only a client has, with the HTTP status that fits each. All others are the server's (docs/protocol.md).
 *
 * UNREACHABLE: no connection could be made (a browser is not told why; too many attempts are refused so, too).
 * NO_ANSWER: connected or asked, and nothing came back in time. UNEXPECTED_ANSWER: something came that is no answer.
 * CONNECTION_LOST: an open connection broke; it is being mended. REPLACED: another connection took this one's place,
 * such as the same page in another tab. CLOSED: `close()` was called, or the session had ended. TOKEN_UNAVAILABLE: the
 * function that brings tokens failed.
 * @type {Readonly<Record<string, number>>}
 */
export const CLIENT_CODES = Object.freeze({
  UNREACHABLE: 503,
  NO_ANSWER: 504,
  UNEXPECTED_ANSWER: 400,
  CONNECTION_LOST: 503,
  REPLACED: 409,
  CLOSED: 409,
  TOKEN_UNAVAILABLE: 503,
});

/**
 * @typedef {object} Details
 * @property {number} [retryAfter] Seconds until it is worth trying again.
 * @property {string[]} [languages] Those on offer, with UNSUPPORTED_LANGUAGE.
 * @property {string} [correlationId] Under which the server's log knows it.
 * @property {number} [closeCode] Of the WebSocket, where the connection ended by it.
 */

export class Problem extends Error {
  /**
   * @param {string} code
   * @param {number} status as in HTTP
   * @param {string} message an English sentence; interface/problems.js has the words for people
   * @param {Details} [details]
   */
  constructor(code, status, message, details = {}) {
    super(message);
    this.name = "Problem";
    this.code = code;
    this.status = status;
    this.retryAfter = details.retryAfter;
    this.languages = details.languages;
    this.correlationId = details.correlationId;
    this.closeCode = details.closeCode;
  }

  /**
   * A problem of the client's own.
   * @param {keyof typeof CLIENT_CODES} code
   * @param {string} message
   * @param {Details} [details]
   */
  static own(code, message, details) {
    return new Problem(String(code), CLIENT_CODES[code] ?? 500, message, details);
  }

  /**
   * What the server said.
   * @param {import("./messages.js").ErrorMessage} told
   * @param {number} [closeCode]
   */
  static told(told, closeCode) {
    return new Problem(told.code, told.status, told.message, { ...told, closeCode });
  }
}
