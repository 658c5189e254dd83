// How what was said becomes subtitles that can be read: at most two lines, broken where a sentence breathes, on the
// screen long enough, one after the other. A long segment becomes several cues, which share its time by their length.
// Pure.

import { graphemes, pieces, width } from "./writing.js";

/** @import { Segment } from "./transcript.js" */

/**
 * What a subtitle shows and when. Lines are plain text without line breaks.
 * @typedef {object} Cue
 * @property {string[]} lines
 * @property {number} startMs
 * @property {number} endMs After `startMs`, and not after the next cue's start.
 */

/** Letters on a line, lines in a cue: what broadcasters agree on. */
const LINE = 42;
const LINES = 2;
/** Nobody reads a cue that is there for less. */
const LEAST_MS = 1_000;
/** Letters that are read in a second. */
const READING_SPEED = 17;
/** Segments that begin together follow one another by at least this. */
const STEP_MS = 400;

const SENTENCE_END = /[.!?…。！？؟۔।]["'”’»）)\]]*\s*$/u;
const CLAUSE_END = /[,;:–—、，；：،؛]["'”’»）)\]]*\s*$/u;

/**
 * @param {Iterable<Segment>} segments In any order.
 * @returns {Cue[]} In the order of their times; none overlaps another.
 */
export function readableCues(segments) {
  const spoken = [...segments].sort((one, other) => one.startMs - other.startMs || one.endMs - other.endMs);
  return timed(spoken.flatMap(cuesOf));
}

/**
 * A segment's cues, each with its share of the time.
 * @param {Segment} segment
 * @returns {Cue[]}
 */
function cuesOf(segment) {
  const parts = split(plain(segment.text));
  const total = parts.reduce((sum, part) => sum + width(part), 0);
  const start = Math.max(Math.round(segment.startMs), 0);
  const end = Math.max(Math.round(segment.endMs), start + 1);
  let before = 0;
  return parts.map((part) => {
    const startMs = Math.round(start + ((end - start) * before) / (total || 1));
    before += width(part);
    const endMs = Math.round(start + ((end - start) * before) / (total || 1));
    return { lines: balanced(part), startMs, endMs };
  });
}

/**
 * One line of text, whatever was in it.
 * @param {string} text
 */
function plain(text) {
  return text
    .replace(/\0/gu, "")
    .replace(/[\s\u0085]+/gu, " ")
    .trim();
}

/**
 * Lets each cue stay as long as it takes to read it, and none begin before the other is over.
 * @param {Cue[]} cues In the order of their starts.
 */
function timed(cues) {
  let earliest = 0;
  const starts = cues.map(({ startMs }) => {
    const start = Math.max(startMs, earliest);
    earliest = start + STEP_MS;
    return start;
  });
  return cues.map(({ lines, endMs }, place) => {
    const startMs = starts[place];
    const next = starts[place + 1] ?? Number.POSITIVE_INFINITY;
    const letters = lines.reduce((sum, line) => sum + width(line), 0);
    const readMs = Math.max(LEAST_MS, Math.round((1000 * letters) / READING_SPEED));
    return { lines, startMs, endMs: Math.min(Math.max(endMs, startMs + readMs), next) };
  });
}

/**
 * A text in parts of at most two lines, each ending at the end of a sentence or a clause where one is near.
 * @param {string} text
 * @returns {string[]}
 */
function split(text) {
  let rest = pieces(text).flatMap(fitting);
  /** @type {string[]} */
  const parts = [];
  while (rest.length) {
    const lines = filled(rest, LINE).length;
    const count = lines <= LINES ? rest.length : bestEnd(rest, Math.ceil(lines / LINES));
    parts.push(rest.slice(0, count).join("").trim());
    rest = rest.slice(count);
  }
  return parts.filter(Boolean);
}

/**
 * How many pieces the next part takes, when about `parts` are needed.
 * @param {string[]} rest
 * @param {number} parts
 */
function bestEnd(rest, parts) {
  const target = width(rest.join("")) / parts;
  let [best, cost] = [1, Number.POSITIVE_INFINITY];
  let length = 0;
  for (let count = 1; count < rest.length; count += 1) {
    const piece = rest[count - 1];
    length += width(piece);
    if (length > LINE * LINES + LINE || filled(rest.slice(0, count), LINE).length > LINES) break;
    const candidate = Math.abs(length - target) / target - relief(piece, 0.45, 0.25);
    if (candidate <= cost) [best, cost] = [count, candidate];
  }
  return best;
}

/**
 * A piece that is longer than a line, as a long address, in pieces that fit.
 * @param {string} piece
 * @returns {string[]}
 */
function fitting(piece) {
  if (width(piece.trimEnd()) <= LINE) return [piece];
  /** @type {string[]} */
  const found = [""];
  for (const letter of graphemes(piece)) {
    if (width(found[found.length - 1] + letter.trimEnd()) > LINE) found.push(letter);
    else found[found.length - 1] += letter;
  }
  return found;
}

/**
 * Lines filled one after the other.
 * @param {string[]} rest Pieces, each of which fits a line.
 * @param {number} limit Letters.
 * @returns {string[]}
 */
function filled(rest, limit) {
  /** @type {string[]} */
  const lines = [];
  let [line, length] = ["", 0];
  for (const piece of rest) {
    const more = width(piece);
    if (line && length + width(piece.trimEnd()) > limit) {
      lines.push(line.trimEnd());
      [line, length] = ["", 0];
    }
    line += piece;
    length += more;
  }
  return line ? [...lines, line.trimEnd()] : lines;
}

/**
 * The lines of a part: one, or two of about the same length, the first ending where a sentence breathes.
 * @param {string} part Fits in two lines.
 * @returns {string[]}
 */
function balanced(part) {
  const found = pieces(part).flatMap(fitting);
  let best = filled(found, LINE);
  if (best.length !== LINES) return best;
  let cost = Number.POSITIVE_INFINITY;
  for (let count = 1; count < found.length; count += 1) {
    const lines = [found.slice(0, count), found.slice(count)].map((line) => line.join("").trim());
    const [first, second] = lines.map(width);
    if (Math.max(first, second) > LINE) continue;
    const candidate = Math.abs(first - second) / (first + second) - relief(lines[0], 0.35, 0.25);
    if (candidate < cost) [best, cost] = [lines, candidate];
  }
  return best;
}

/**
 * How much better a break is than any, after this text.
 * @param {string} text
 * @param {number} sentence
 * @param {number} clause
 */
function relief(text, sentence, clause) {
  return SENTENCE_END.test(text) ? sentence : CLAUSE_END.test(text) ? clause : 0;
}
