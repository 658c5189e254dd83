// A talk as a file to keep: WebVTT and SubRip for players, plain text for readers. What each format cannot hold is
// escaped or made harmless here. Pure.

import { readableCues } from "./cues.js";
import { paragraphs } from "./paragraphs.js";

/** @import { Segment } from "./transcript.js" */

/**
 * A WebVTT file (W3C WebVTT 1), as the command-line client writes them, but in lines that can be read.
 * @param {Iterable<Segment>} segments In any order; those without text are left out.
 */
export function toVtt(segments) {
  const blocks = readableCues(segments).map(
    ({ lines, startMs, endMs }) => `${time(startMs, ".")} --> ${time(endMs, ".")}\n${escaped(lines.join("\n"))}\n`,
  );
  return ["WEBVTT\n", ...blocks].join("\n");
}

/**
 * A SubRip file. It knows no escapes: what players would take for tags is kept apart by a character without width.
 * @param {Iterable<Segment>} segments In any order; those without text are left out.
 */
export function toSrt(segments) {
  return readableCues(segments)
    .map(({ lines, startMs, endMs }, place) => {
      return `${place + 1}\n${time(startMs, ",")} --> ${time(endMs, ",")}\n${harmless(lines.join("\n"))}\n`;
    })
    .join("\n");
}

/**
 * The text alone, in paragraphs with an empty line between.
 * @param {Iterable<Segment>} segments In the order of the talk.
 */
export function toText(segments) {
  return paragraphs(segments)
    .map((paragraph) => `${paragraph}\n`)
    .join("\n");
}

/** @param {string} text */
function escaped(text) {
  // With > escaped there is no `-->` either, which would begin another cue.
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** @param {string} text */
function harmless(text) {
  return text.replaceAll("-->", "→").replace(/<(?=[\p{L}/!])|\{(?=[\\\p{L}])/gu, "$&\u2060");
}

/**
 * @param {number} milliseconds
 * @param {"." | ","} point
 */
function time(milliseconds, point) {
  const seconds = Math.floor(milliseconds / 1000);
  const rest = milliseconds % 1000;
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => `${part}`.padStart(2, "0")).join(":")}${point}${`${rest}`.padStart(3, "0")}`;
}
