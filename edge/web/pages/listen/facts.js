// What anybody may know of a session. The page brings it along; where the server could not say then, it is asked again.

import { Problem } from "../../client/problem.js";

/**
 * @typedef {object} Facts
 * @property {string} sessionId
 * @property {string} sourceLanguage
 * @property {boolean} hasPin
 * @property {readonly string[]} targetLanguages
 * @property {boolean} opus whether the voice is offered in Opus, too
 */

/**
 * @param {string | undefined} json as the page has it
 * @returns {Facts | undefined} undefined: the server did not know, or did not know the languages yet
 */
export function read(json) {
  try {
    const found = JSON.parse(json ?? "null");
    if (!Array.isArray(found?.targetLanguages) || found.targetLanguages.length === 0) return undefined;
    return {
      sessionId: String(found.sessionId),
      sourceLanguage: String(found.sourceLanguage),
      hasPin: found.hasPin === true,
      targetLanguages: found.targetLanguages.map(String),
      opus: Array.isArray(found.audioFormats) && found.audioFormats.includes("opus"),
    };
  } catch {
    return undefined;
  }
}

/**
 * Asks the server.
 * @param {string} sessionId
 * @returns {Promise<Facts>}
 * @throws {Problem} SESSION_NOT_FOUND, or what else the server says; UNREACHABLE where it says nothing
 */
export async function ask(sessionId) {
  let answer;
  let text;
  try {
    answer = await fetch(`/api/sessions/${encodeURIComponent(sessionId)}`);
    text = await answer.text();
  } catch {
    throw new Problem("UNREACHABLE", 503, "the server does not answer");
  }
  if (!answer.ok) throw refusal(answer.status, text);
  const facts = read(text);
  if (!facts) throw new Problem("SERVICE_UNAVAILABLE", 503, "the languages are not known yet");
  return facts;
}

/** @param {number} status @param {string} text */
function refusal(status, text) {
  try {
    const { code, message, retryAfter } = JSON.parse(text);
    return new Problem(String(code), status, String(message), { retryAfter });
  } catch {
    return new Problem("INTERNAL", status, "the server does not say what is wrong");
  }
}
