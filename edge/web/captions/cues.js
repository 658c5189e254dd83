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
 * What is not divided, measured once: with the space behind it, and without.
 * @typedef {{text: string, width: number, bare: number}} Piece
 */

/**
 * A segment's cues, each with its share of the time.
 * @param {Segment} segment
 * @returns {Cue[]}
 */
function cuesOf(segment) {
  const parts = split(plain(segment.text));
  const total = sum(parts.flat()) || 1;
  const start = Math.max(Math.round(segment.startMs), 0);
  const length = Math.max(Math.round(segment.endMs), start + 1) - start;
  let before = 0;
  return parts.map((part) => {
    const startMs = Math.round(start + (length * before) / total);
    before += sum(part);
    return { lines: balanced(part), startMs, endMs: Math.round(start + (length * before) / total) };
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
 * @returns {Piece[][]}
 */
function split(text) {
  let rest = pieces(text).flatMap(fitting);
  /** @type {Piece[][]} */
  const parts = [];
  while (rest.length) {
    const lines = filled(rest).length;
    const count = lines <= LINES ? rest.length : bestEnd(rest, Math.ceil(lines / LINES));
    parts.push(rest.slice(0, count));
    rest = rest.slice(count);
  }
  return parts;
}

/**
 * How many pieces the next part takes, when about `parts` are needed.
 * @param {Piece[]} rest
 * @param {number} parts
 */
function bestEnd(rest, parts) {
  const target = sum(rest) / parts;
  let [best, cost] = [1, Number.POSITIVE_INFINITY];
  let length = 0;
  for (const [place, piece] of rest.entries()) {
    length += piece.width;
    if (place + 1 === rest.length || filled(rest.slice(0, place + 1)).length > LINES) break;
    const candidate = Math.abs(length - target) / target - relief(piece.text, 0.45, 0.25);
    if (candidate <= cost) [best, cost] = [place + 1, candidate];
  }
  return best;
}

/**
 * A word; one that is longer than a line, as a long address, in pieces that fit.
 * @param {string} word
 * @returns {Piece[]}
 */
function fitting(word) {
  const whole = measured(word);
  if (whole.bare <= LINE) return [whole];
  const found = [""];
  for (const letter of graphemes(word)) {
    if (width(found[found.length - 1] + letter.trimEnd()) > LINE) found.push(letter);
    else found[found.length - 1] += letter;
  }
  return found.map(measured);
}

/**
 * Lines filled one after the other.
 * @param {Piece[]} rest Each fits a line.
 * @returns {Piece[][]}
 */
function filled(rest) {
  /** @type {Piece[][]} */
  const lines = [];
  let length = Number.POSITIVE_INFINITY;
  for (const piece of rest) {
    if (length + piece.bare > LINE) {
      lines.push([]);
      length = 0;
    }
    lines[lines.length - 1].push(piece);
    length += piece.width;
  }
  return lines;
}

/**
 * The lines of a part: one, or two of about the same length, the first ending where a sentence breathes.
 * @param {Piece[]} part Fits in two lines.
 * @returns {string[]}
 */
function balanced(part) {
  const lines = filled(part);
  if (lines.length !== LINES) return lines.map(joined);
  const total = sum(part);
  let [best, cost] = [lines[0].length, Number.POSITIVE_INFINITY];
  let first = 0;
  for (const [place, { width: more, bare, text }] of part.slice(0, -1).entries()) {
    if (first + bare > LINE) break;
    first += more;
    if (sum(part.slice(place + 1, -1)) + part[part.length - 1].bare > LINE) continue;
    const candidate = Math.abs(2 * first - total) / total - relief(text, 0.35, 0.25);
    if (candidate < cost) [best, cost] = [place + 1, candidate];
  }
  return [part.slice(0, best), part.slice(best)].map(joined);
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

/**
 * @param {string} text
 * @returns {Piece}
 */
function measured(text) {
  return { text, width: width(text), bare: width(text.trimEnd()) };
}

/** @param {Piece[]} some */
function sum(some) {
  return some.reduce((length, piece) => length + piece.width, 0);
}

/** @param {Piece[]} line */
function joined(line) {
  return line
    .map(({ text }) => text)
    .join("")
    .trim();
}
