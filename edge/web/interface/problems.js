// What went wrong, for people: a title and what to do about it, for every code that the server sends, every code that a
// socket is closed with, and what a browser does not let us do. Which words belong to which code is this table; the
// words are in words/problems.*.js.

import { t } from "./i18n.js";

/** Words for each error code of the protocol. Those that only a mistake of a program brings about share theirs. */
const CODES = {
  INVALID_MESSAGE: "mismatch",
  INVALID_ACTION: "mismatch",
  INVALID_PARAMETER: "parameter",
  MISSING_PARAMETER: "parameter",
  INVALID_SESSION_ID: "name",
  INVALID_LANGUAGE: "language",
  UNSUPPORTED_LANGUAGE: "language",
  INVALID_AUDIO_FORMAT: "sound",
  AUDIO_CHUNK_TOO_SMALL: "sound",
  AUDIO_CHUNK_TOO_LARGE: "sound",
  MISSING_TOKEN: "noToken",
  INVALID_TOKEN: "token",
  TOKEN_EXPIRED: "tokenExpired",
  UNAUTHORIZED_ACTION: "forbidden",
  WRONG_PIN: "pin",
  SESSION_NOT_FOUND: "noSession",
  CONFLICT: "conflict",
  MESSAGE_TOO_LARGE: "tooLarge",
  CONTROL_MESSAGE_TOO_LARGE: "tooLarge",
  RATE_LIMIT_EXCEEDED: "tooFast",
  MAX_SESSIONS_EXCEEDED: "tooManySessions",
  SESSION_FULL: "full",
  SERVICE_UNAVAILABLE: "unavailable",
  TRANSCRIPTION_FAILED: "recognition",
  TRANSLATION_FAILED: "translation",
  SYNTHESIS_FAILED: "voice",
  INTERNAL: "ours",
  // What a speaker is told while the broadcast goes on.
  AUDIO_DROPPED: "audioDropped",
  ENGINE_CHANGED: "engineChanged",
};

/** Words for each close code, where no error came before it. */
const CLOSE_CODES = {
  1000: "closed",
  1001: "goingAway",
  1006: "lost",
  1008: "refused",
  1009: "tooLarge",
  1011: "ours",
  4000: "ended",
  4001: "token",
  4004: "noSession",
  4008: "lost",
  4029: "tooFast",
  4503: "full",
};

/** Close codes that say more than that the connection was lost. */
const MENDED = { 1001: "goingAway" };

/** Words for what the client says by itself (client/problem.js). By what code a connection ended that is being mended
 * matters to nobody: nothing is to be done about it. */
const OWN = {
  UNREACHABLE: "lost",
  NO_ANSWER: "lost",
  CONNECTION_LOST: "lost",
  TOKEN_UNAVAILABLE: "unavailable",
  UNEXPECTED_ANSWER: "mismatch",
  REPLACED: "conflict",
  CLOSED: "closed",
};

/** Words for what the browser or the network does not let us do. */
const NAMES = {
  offline: "offline",
  network: "lost",
  timeout: "lost",
  denied: "micDenied",
  missing: "micMissing",
  busy: "micBusy",
  insecure: "micInsecure",
  unsupported: "micUnsupported",
};

/** Words for what an address answers, where it says no more. */
const STATUSES = {
  400: "mismatch",
  401: "token",
  403: "forbidden",
  404: "nowhere",
  405: "nowhere",
  413: "tooLarge",
  429: "tooFast",
  500: "ours",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/**
 * Something that went wrong: a Problem of the client, of the microphone, or any error.
 * @typedef {object} Told
 * @property {string} [code] of the protocol
 * @property {number} [closeCode] of the socket
 * @property {string} [name] of a MicrophoneProblem
 * @property {number} [status] of HTTP
 * @property {number} [retryAfter] seconds
 */

/**
 * Words for a problem in the interface's language. The more exact comes first: an error code of the server, what the
 * client found out, a close code, what the browser says; anything else is told as something unforeseen.
 * @param {Told} problem
 * @returns {{title: string, advice: string}}
 */
export function words(problem) {
  const key = keyOf(problem);
  const count = Math.ceil(problem.retryAfter ?? 0);
  const advice = count > 0 && key === "tooFast" ? t("problem.tooFast.wait", { count }) : t(`problem.${key}.advice`);
  return { title: t(`problem.${key}.title`), advice };
}

/**
 * Which words are those of a problem.
 * @param {Told} problem
 * @returns {string} the middle of their keys
 */
export function keyOf(problem) {
  return (
    found(CODES, problem.code) ??
    (problem.code === "CONNECTION_LOST" ? found(MENDED, problem.closeCode) : undefined) ??
    found(OWN, problem.code) ??
    found(CLOSE_CODES, problem.closeCode) ??
    found(NAMES, problem.code?.toLowerCase()) ??
    found(NAMES, problem.name) ??
    found(STATUSES, problem.status) ??
    "unforeseen"
  );
}

/** All keys of words that may be asked for. */
export const problemKeys = Object.freeze([
  ...new Set([CODES, MENDED, OWN, CLOSE_CODES, NAMES, STATUSES].flatMap((table) => Object.values(table))),
  "unforeseen",
]);

/** Error codes and close codes that have words of their own. */
export const known = Object.freeze({ codes: Object.keys(CODES), closeCodes: Object.keys(CLOSE_CODES).map(Number) });

/**
 * @param {Record<string | number, string>} table
 * @param {string | number | undefined} code
 * @returns {string | undefined}
 */
function found(table, code) {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}
