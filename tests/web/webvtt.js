// A WebVTT parser after W3C WebVTT 1, sections 4.1, 6.1, 6.3 and 6.4, for tests: what a strict reader makes of a file.
// Everything that the specification calls an error throws, where a player would be lenient.

/** @typedef {{startMs: number, endMs: number, text: string}} ReadCue `text` as a person sees it, tags taken off. */

const ENTITIES = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["nbsp", "\u00a0"],
  ["lrm", "\u200e"],
  ["rlm", "\u200f"],
]);
const TIMES = /^((?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3})[ \t]+-->[ \t]+((?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3})$/;

/**
 * @param {string} file
 * @returns {ReadCue[]}
 */
export function parse(file) {
  if (file.includes("\0")) throw new Error("U+0000 in a file");
  const lines = file.replace(/\r\n?/g, "\n").split("\n");
  if (!/^\ufeff?WEBVTT(?:[ \t].*)?$/.test(lines[0])) throw new Error("no signature");
  if (lines[1] !== "") throw new Error("no blank line after the signature");
  const blocks = lines.slice(2).join("\n").split(/\n{2,}/);
  return blocks.map((block) => block.replace(/^\n+|\n+$/g, "")).filter((block) => block).map(cue);
}

/**
 * @param {string} block
 * @returns {ReadCue}
 */
function cue(block) {
  const [first, ...text] = block.split("\n");
  const [, start, end] = TIMES.exec(first) ?? [];
  if (!start) throw new Error(`no times: ${first}`);
  if (!text.length || text.some((line) => !line.trim())) throw new Error("a cue without text");
  if (text.some((line) => line.includes("-->"))) throw new Error("an arrow in a cue");
  const [startMs, endMs] = [start, end].map(milliseconds);
  if (endMs <= startMs) throw new Error(`a cue that ends before it begins: ${first}`);
  return { startMs, endMs, text: text.map(plain).join("\n") };
}

/** @param {string} time */
function milliseconds(time) {
  const [seconds, minutes, hours = "0"] = time.split(":").reverse();
  return Math.round(1000 * (Number(seconds) + 60 * Number(minutes) + 3600 * Number(hours)));
}

/** @param {string} text */
function plain(text) {
  const untagged = text.replace(/<[^>]*>?/g, () => {
    throw new Error("a tag where none was written");
  });
  return untagged.replace(/&([a-z]+);|&/g, (whole, name) => {
    const meant = ENTITIES.get(name);
    if (!meant) throw new Error(`not an escape: ${whole}`);
    return meant;
  });
}
