// What was understood so far, kept for the page that comes after a reload or a crash. In sessionStorage: whoever closes
// the tab has forgotten it, as the page says.

/** @import { Segment, Transcript } from "../../captions/transcript.js" */

const KEY = "lingocast.captions";

/**
 * Keeps what will not change any more. The latest replaces what was kept before; a browser that has no room for all of
 * it keeps that.
 *
 * @param {string} sessionId
 * @param {Transcript} transcript
 */
export function keepCaptions(sessionId, transcript) {
  try {
    window.sessionStorage.setItem(KEY, JSON.stringify({ sessionId, segments: transcript.finals() }));
  } catch {
    // Full or forbidden.
  }
}

/**
 * Puts what was kept of the same session into a transcript.
 *
 * @param {string} sessionId
 * @param {Transcript} transcript
 */
export function bringBack(sessionId, transcript) {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(KEY) ?? "null");
    if (kept?.sessionId !== sessionId) return;
    for (const segment of /** @type {Segment[]} */ (kept.segments)) transcript.receive(segment, segment.at);
  } catch {
    // Forbidden, or not ours: the captions begin anew.
  }
}

export function forgetCaptions() {
  try {
    window.sessionStorage.removeItem(KEY);
  } catch {
    // Forbidden: nothing was kept either.
  }
}
