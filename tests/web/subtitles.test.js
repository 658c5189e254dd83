import assert from "node:assert/strict";
import { test } from "node:test";
import { toSrt, toText, toVtt } from "../../edge/web/captions/subtitles.js";
import { width } from "../../edge/web/captions/writing.js";
import { chance } from "./chance.js";
import { parse } from "./webvtt.js";

/** @import { Segment } from "../../edge/web/captions/transcript.js" */

/**
 * @param {string} text
 * @param {number} startMs
 * @param {number} endMs
 * @param {string} [language]
 * @returns {Segment}
 */
function segment(text, startMs, endMs, language = "en") {
  return { segmentId: startMs, text, stableChars: 0, isFinal: true, startMs, endMs, language, at: 0 };
}

const LONG =
  "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, " +
  "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light.";
const CHINESE = "太初有道，道与神同在，道就是神。这道太初与神同在。万物是藉着他造的；凡被造的，没有一样不是藉着他造的。";
const THAI = "ในปฐมกาลพระวาทะทรงดำรงอยู่และพระวาทะทรงอยู่กับพระเจ้าและพระวาทะทรงเป็นพระเจ้าในปฐมกาลพระองค์ทรงอยู่กับพระเจ้า";

/** @param {string} text */
const squeezed = (text) => text.replace(/\s+/gu, "");

test("short captions are written as the command-line client writes them", () => {
  const file = toVtt([segment("In the beginning.", 0, 1500), segment("God & <man>", 3_600_000, 3_602_250)]);
  assert.equal(
    file,
    "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nIn the beginning.\n\n" +
      "01:00:00.000 --> 01:00:02.250\nGod &amp; &lt;man&gt;\n",
  );
});

test("a talk without captions is a file all the same", () => {
  assert.deepEqual(parse(toVtt([])), []);
  assert.equal(toVtt([]), "WEBVTT\n");
  assert.equal(toSrt([segment(" \n ", 0, 1)]), "");
  assert.equal(toText([]), "");
});

test("what would be read as times, tags or escapes is text", () => {
  const text = "00:00:01.000 --> 00:00:02.000 </c> <00:00:01.000> &amp; &nbsp;";
  const [{ text: read }] = parse(toVtt([segment(text, 0, 5000)]));
  assert.equal(read.replaceAll("\n", " "), text);
});

test("a long segment is shown in parts that end where a sentence breathes, and share its time", () => {
  const cues = parse(toVtt([segment(LONG, 10_000, 24_000)]));
  assert.ok(cues.length > 2);
  assert.equal(cues.map(({ text }) => text.replaceAll("\n", " ")).join(" "), LONG);
  for (const { text } of cues) assert.match(text, /[,.]$/);
  assert.equal(cues[0].startMs, 10_000);
  assert.equal(cues.at(-1)?.endMs, 24_000);
  for (const { text, startMs, endMs } of cues) {
    const share = (endMs - startMs) / 14_000;
    assert.ok(Math.abs(share - text.length / LONG.length) < 0.02, `${text}: ${share}`);
  }
});

test("a text without spaces is broken between words, and never before a closing mark", () => {
  for (const text of [CHINESE, THAI]) {
    const cues = parse(toVtt([segment(text, 0, 12_000)]));
    const lines = cues.flatMap((cue) => cue.text.split("\n"));
    assert.ok(lines.length > 2);
    assert.equal(lines.join(""), text);
    for (const line of lines) {
      assert.ok(width(line) <= 42, line);
      assert.doesNotMatch(line, /^[，。；、」）\p{M}]/u);
    }
  }
  const [longest] = [...parse(toVtt([segment(CHINESE, 0, 12_000)]))].map(({ text }) => text.split("\n")[0].length);
  assert.ok(longest <= 17, "a line of Chinese has at most 16 or 17 characters");
});

test("a word that is longer than a line is cut, and none of its letters lost", () => {
  const address = `https://example.org/${"a".repeat(150)}`;
  const cues = parse(toVtt([segment(`See ${address} there`, 0, 4000)]));
  assert.equal(squeezed(cues.map(({ text }) => text).join("")), squeezed(`See ${address} there`));
});

test("captions that came all at once follow one another", () => {
  const cues = parse(toVtt([segment("One.", 5000, 5000), segment("Two.", 5000, 5000), segment("Three.", 5001, 5002)]));
  assert.deepEqual(
    cues.map(({ text }) => text),
    ["One.", "Two.", "Three."],
  );
});

test("a short word stays long enough to be read, where nothing follows", () => {
  const [amen, next] = parse(toVtt([segment("Amen.", 1000, 1200), segment("Next.", 9000, 9200)]));
  assert.deepEqual([amen.startMs, amen.endMs, next.startMs], [1000, 2000, 9000]);
});

test("in SubRip nothing of the text is a tag or the next cue's times", () => {
  const file = toSrt([segment("a <b>bold</b> --> {\\an8} 3 < 4", 0, 3000), segment("Then.", 61_001, 63_000)]);
  assert.doesNotMatch(file, /<\/?b>|\{\\|[a-z] --> /);
  const blocks = file.trimEnd().split("\n\n").map((block) => block.split("\n"));
  assert.deepEqual(
    blocks.map(([number, times]) => [number, times]),
    [
      ["1", "00:00:00,000 --> 00:00:03,000"],
      ["2", "00:01:01,001 --> 00:01:03,000"],
    ],
  );
  assert.equal(blocks[0].slice(2).join(" ").replaceAll("\u2060", ""), "a <b>bold</b> → {\\an8} 3 < 4");
});

test("a text has its paragraphs where the speaker paused, and where the language changed", () => {
  const talk = [
    segment("One,", 0, 1000),
    segment("two.", 1200, 2000),
    segment("Three.", 5000, 6000),
    segment("Quatre.", 6100, 7000, "fr"),
  ];
  assert.equal(toText(talk), "One, two.\n\nThree.\n\nQuatre.\n");
});

test("Chinese sentences are joined without a space, Korean ones with one", () => {
  assert.equal(toText([segment("太初有道。", 0, 1000, "zh"), segment("道与神同在。", 1000, 2000, "zh")]), "太初有道。道与神同在。\n");
  assert.equal(toText([segment("태초에.", 0, 1000, "ko"), segment("말씀이.", 1000, 2000, "ko")]), "태초에. 말씀이.\n");
});

test("a talk without pauses has paragraphs that can be read", () => {
  const talk = Array.from({ length: 100 }, (_, at) => segment("And it came to pass in those days.", at * 2000, at * 2000 + 1900));
  for (const paragraph of toText(talk).split("\n\n")) assert.ok(paragraph.length < 700, `${paragraph.length}`);
});

test("whatever was said, when and in which order, the file is right and nothing of it is missing", () => {
  const pool = [..."abc déß –,.;:!?<>&{}\\\"' \t\n-->", "太", "初", "。", "，", "（", "）", "한", "ก", "ำ", "é", "👩‍👧", "🇨🇭", "שלום", " "];
  for (let seed = 1; seed <= 150; seed += 1) {
    const luck = chance(seed);
    let at = 0;
    const talk = Array.from({ length: luck.whole(0, 12) }, () => {
      const text = Array.from({ length: luck.whole(0, 200) }, () => luck.one(pool)).join("");
      const startMs = Math.max(at + luck.whole(-1500, 3000), 0);
      at = startMs + luck.whole(-50, 6000);
      return segment(text, startMs, at);
    });
    const cues = parse(toVtt(luck.shuffled(talk)));
    const said = talk.toSorted((one, other) => one.startMs - other.startMs || one.endMs - other.endMs);
    const letters = (/** @type {string[]} */ texts) => [...squeezed(texts.join(""))].toSorted().join("");
    assert.equal(letters(cues.map(({ text }) => text)), letters(said.map(({ text }) => text)), `seed ${seed}`);
    cues.forEach(({ startMs, endMs, text }, place) => {
      const next = cues[place + 1]?.startMs ?? Number.POSITIVE_INFINITY;
      assert.ok(startMs < endMs && endMs <= next, `seed ${seed}: cue ${place} overlaps`);
      assert.ok(text.split("\n").length <= 2, `seed ${seed}: ${text}`);
      for (const line of text.split("\n")) assert.ok(width(line) <= 42, `seed ${seed}: ${line}`);
    });
  }
});
