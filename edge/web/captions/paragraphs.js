// Where the text of a talk begins anew. Segments are often parts of sentences, so they flow; a paragraph begins after a
// pause, where the language changes, and at the end of a sentence when there is much to read already: the same on the
// page and in a saved text. On a screen with few lines each sentence begins a line. Pure.

import { between } from "./writing.js";

/** @import { Segment } from "./transcript.js" */

/** A pause that a reader feels as a new thought. */
const PAUSE_MS = 2_000;
/** Characters after which the next end of a sentence ends the paragraph. */
const LONG = 480;
/** Characters after which any segment ends it. */
const TOO_LONG = 1_200;
/** Characters of a sentence after which it is broken: somebody who makes no full stops fills no screen for ever. */
const ENDLESS = 300;

const SENTENCE_END = /[.!?…。！？؟۔।]["'”’»）)\]]*$/u;

/**
 * Whether a new paragraph begins with `next`.
 * @param {Segment | undefined} previous
 * @param {Segment} next
 * @param {number} length Characters in the paragraph so far.
 */
export function beginsParagraph(previous, next, length) {
  if (!previous || previous.language !== next.language) return true;
  if (next.startMs - previous.endMs >= PAUSE_MS || length >= TOO_LONG) return true;
  return length >= LONG && SENTENCE_END.test(previous.text);
}

/**
 * Whether a new line begins with `next`, on a screen with few lines.
 * @param {Segment | undefined} previous
 * @param {Segment} next
 * @param {number} length Characters since the line began.
 */
export function beginsLine(previous, next, length) {
  return beginsParagraph(previous, next, length) || length >= ENDLESS || SENTENCE_END.test(previous?.text ?? "");
}

/**
 * Segments, in the order of the talk, as paragraphs.
 * @param {Iterable<Segment>} segments
 * @returns {string[]}
 */
export function paragraphs(segments) {
  /** @type {string[]} */
  const found = [];
  /** @type {Segment | undefined} */
  let previous;
  for (const segment of segments) {
    const text = segment.text.replace(/\s+/gu, " ").trim();
    if (!text) continue;
    const last = found.at(-1) ?? "";
    if (beginsParagraph(previous, segment, last.length)) found.push(text);
    else found[found.length - 1] = last + between(last, text) + text;
    previous = segment;
  }
  return found;
}
