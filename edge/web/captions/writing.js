// How writing systems differ where captions are set: direction, width of characters, where a line may be broken, and
// what stands between two sentences. Pure; `Intl.Segmenter` where the browser has it.

import { direction as directionOf } from "../interface/languages.js";

/**
 * The direction of a language; `auto`, which looks at the letters, where nobody says which it is.
 * @param {string} code BCP 47; may be empty.
 * @returns {"ltr" | "rtl" | "auto"}
 */
export function direction(code) {
  return code ? directionOf(code) : "auto";
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const PLAIN = /^[\x20-\x7e]*$/;
const NO_WIDTH = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** What a wide character counts: a line of 42 Latin letters reads like one of 16 or 17 Chinese characters. */
const WIDE_UNITS = 2.5;

/**
 * How much room a text takes on a line, in Latin letters.
 * @param {string} text
 */
export function width(text) {
  if (PLAIN.test(text)) return text.length;
  let units = 0;
  for (const character of text) units += WIDE.test(character) ? WIDE_UNITS : NO_WIDTH.test(character) ? 0 : 1;
  return units;
}

/** Languages written without spaces, besides those of wide characters (of which Korean has spaces). */
const UNSPACED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const UNSPACED_WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60]/u;

/**
 * What stands between two pieces of one language: a space, or nothing in Chinese and Japanese.
 * @param {string} before
 * @param {string} after
 */
export function between(before, after) {
  const left = [...before].at(-1) ?? "";
  const right = [...after][0] ?? "";
  return UNSPACED_WIDE.test(left) && UNSPACED_WIDE.test(right) ? "" : " ";
}

/** What must not begin a line, and what must not end one. */
const CLOSING = /^[\p{Pe}\p{Pf}\p{Po}ーっッゃャゅュょョ々ぁァぃィぅゥぇェぉォ]+$/u;
const OPENING = /^[\p{Ps}\p{Pi}]+$/u;

/**
 * The pieces between which a line may be broken; joined they are the text again. A space belongs to the piece before.
 * @param {string} text Without line breaks.
 * @returns {string[]}
 */
export function pieces(text) {
  return (text.match(/\S+\s*/gu) ?? []).flatMap((word) => (isUnspaced(word) ? unspacedPieces(word) : [word]));
}

/** @param {string} word */
function isUnspaced(word) {
  return UNSPACED_WIDE.test(word) || UNSPACED.test(word);
}

/** @param {string} word */
function unspacedPieces(word) {
  /** @type {string[]} */
  const found = [];
  let opened = "";
  for (const piece of words(word)) {
    if (OPENING.test(piece)) opened += piece;
    else if (found.length && !opened && (CLOSING.test(piece) || /^\s+$/u.test(piece))) found[found.length - 1] += piece;
    else {
      found.push(opened + piece);
      opened = "";
    }
  }
  return opened ? [...found, opened] : found;
}

// Made once: making one takes longer than using it.
const [wordSegmenter, graphemeSegmenter] =
  "Segmenter" in Intl
    ? [
        new Intl.Segmenter(undefined, { granularity: "word" }),
        new Intl.Segmenter(undefined, { granularity: "grapheme" }),
      ]
    : [];

/** @param {string} text */
function words(text) {
  if (!wordSegmenter) return graphemes(text);
  return Array.from(wordSegmenter.segment(text), ({ segment }) => segment);
}

/**
 * The characters as people count them, a letter with its accents being one.
 * @param {string} text
 * @returns {string[]}
 */
export function graphemes(text) {
  if (!graphemeSegmenter) return text.match(/\P{M}\p{M}*/gsu) ?? [...text];
  return Array.from(graphemeSegmenter.segment(text), ({ segment }) => segment);
}

/**
 * Where the stable beginning of a text ends, as an index into the string. The server counts code points; a letter is
 * not torn from its accents.
 * @param {string} text
 * @param {number} stableChars Code points.
 */
export function stableEnd(text, stableChars) {
  const characters = [...text];
  let count = Math.max(Math.min(stableChars, characters.length), 0);
  while (count > 0 && count < characters.length && /\p{M}|\u200d/u.test(characters[count])) count -= 1;
  return characters.slice(0, count).join("").length;
}
