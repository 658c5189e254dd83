import assert from "node:assert/strict";
import test from "node:test";
import { Assembly } from "../../edge/web/client/assembly.js";

/** @typedef {import("../../edge/web/client/messages.js").CueStart} CueStart */

/** @param {number} segmentId @param {Partial<CueStart>} [more] @returns {CueStart} */
const start = (segmentId, more = {}) => ({
  type: "cueStart",
  cueId: `${segmentId}-es`,
  segmentId,
  language: "es",
  sampleRate: 16_000,
  startMs: segmentId * 1000,
  endMs: segmentId * 1000 + 900,
  tempo: 1,
  audioFormat: "pcm",
  packetMs: 0,
  preSkip: 0,
  ...more,
});
/** @param {number} segmentId @param {number} durationMs @returns {import("../../edge/web/client/messages.js").CueEnd} */
const end = (segmentId, durationMs) => ({ type: "cueEnd", cueId: `${segmentId}-es`, durationMs });
/** @param {number} segmentId @param {string} text @param {boolean} [isFinal] */
const caption = (segmentId, text, isFinal = true) => ({
  type: /** @type {const} */ ("caption"),
  segmentId,
  language: "es",
  text,
  stableChars: 0,
  isFinal,
  startMs: segmentId * 1000,
  endMs: segmentId * 1000 + 900,
});
/** Bytes that tell where they were. @param {number} from @param {number} to */
const pcm = (from, to) => Uint8Array.from({ length: to - from }, (_, index) => (from + index) % 251);
/** @param {{type: string}[]} news */
const types = (news) => news.map((each) => each.type);

function attached() {
  const assembly = new Assembly();
  assembly.attach();
  return assembly;
}

test("a cue that broke off comes on where it broke, to the byte", () => {
  const assembly = attached();
  assembly.receive(start(1));
  assert.deepEqual(assembly.receiveAudio(pcm(0, 1000))[0]?.bytes, pcm(0, 1000));
  assembly.attach();
  assert.deepEqual(assembly.receive(start(1)), []);
  assert.deepEqual(assembly.receiveAudio(pcm(0, 640)), []);
  // In other pieces than before.
  assert.deepEqual(assembly.receiveAudio(pcm(640, 1280))[0]?.bytes, pcm(1000, 1280));
  assert.deepEqual(assembly.receiveAudio(pcm(1280, 1600))[0]?.bytes, pcm(1280, 1600));
  assert.deepEqual(assembly.receive(end(1, 50)), [{ ...end(1, 50), cut: false }]);
  assert.equal(assembly.lastCue, "1-es");
});

test("a cue that was heard whole is not heard again", () => {
  const assembly = attached();
  for (const each of [0, 1]) {
    const news = [
      ...assembly.receive(start(1)),
      ...assembly.receiveAudio(pcm(0, 320)),
      ...assembly.receive(end(1, 10)),
    ];
    assert.equal(news.length, each === 0 ? 3 : 0);
    assembly.attach();
  }
});

test("a cue whose rest never comes is over when the next begins", () => {
  const assembly = attached();
  assembly.receive(start(1));
  assembly.receiveAudio(pcm(0, 3200));
  assembly.attach();
  assert.deepEqual(assembly.receive(start(2)), [
    { type: "cueEnd", cueId: "1-es", durationMs: 100, cut: true },
    start(2),
  ]);
  assert.equal(assembly.lastCue, "", "the broken one was not heard whole");
});

test("a cue under way is over with the session", () => {
  const assembly = attached();
  assembly.receive(start(1));
  assert.deepEqual(types(assembly.receive({ type: "sessionEnded", reason: "speaker" })), ["cueEnd", "sessionEnded"]);
  assert.deepEqual(assembly.receive({ type: "sessionEnded", reason: "speaker" }), []);
});

test("less audio than the cue is long is said to be cut", () => {
  const assembly = attached();
  assembly.receive(start(1));
  assembly.receiveAudio(pcm(0, 3200));
  assert.deepEqual(assembly.receive(end(1, 200)), [{ ...end(1, 200), cut: true }]);
});

test("audio outside of any cue is dropped", () => {
  const assembly = attached();
  assert.deepEqual(assembly.receiveAudio(pcm(0, 100)), []);
  assembly.receive(start(1));
  assembly.receive(end(1, 0));
  assert.deepEqual(assembly.receiveAudio(pcm(0, 100)), []);
});

test("packets of Opus are counted, not their bytes", () => {
  const opus = { audioFormat: "opus", packetMs: 60, preSkip: 312 };
  const assembly = attached();
  assembly.receive(start(1, opus));
  assembly.receiveAudio(pcm(0, 90));
  assembly.receiveAudio(pcm(90, 150));
  assembly.attach();
  assembly.receive(start(1, opus));
  assert.deepEqual(assembly.receiveAudio(pcm(0, 90)), []);
  assert.deepEqual(assembly.receiveAudio(pcm(90, 150)), []);
  assert.deepEqual(assembly.receiveAudio(pcm(150, 190))[0]?.bytes, pcm(150, 190));
  assert.deepEqual(assembly.receive(end(1, 170)), [{ ...end(1, 170), cut: false }]);
});

test("a cue that comes again as PCM goes on where the packets ended", () => {
  const assembly = attached();
  assembly.receive(start(1, { audioFormat: "opus", packetMs: 60, preSkip: 480 }));
  assembly.receiveAudio(pcm(0, 90));
  assembly.attach();
  assert.deepEqual(assembly.receive(start(1)), [{ ...start(1), again: true }]);
  // 60 ms less the 10 ms of the codec's delay were heard: 1600 bytes.
  assert.deepEqual(assembly.receiveAudio(pcm(0, 3200))[0]?.bytes, pcm(1600, 3200));
});

test("captions come once, and a correction is not undone by a repeat", () => {
  const assembly = attached();
  assert.equal(assembly.receive(caption(1, "En el", false)).length, 1);
  assert.equal(assembly.receive(caption(1, "En el", false)).length, 0);
  assert.equal(assembly.receive(caption(1, "En el principio")).length, 1);
  assert.equal(assembly.receive(caption(1, "En", false)).length, 0, "a partial after the final");
  assert.equal(assembly.receive(caption(1, "Al principio")).length, 1);
  assembly.attach();
  assert.equal(assembly.receive(caption(1, "En el principio")).length, 0);
  assert.equal(assembly.receive(caption(1, "Al principio")).length, 0);
  assert.equal(assembly.receive(caption(2, "era")).length, 1);
});

test("on one connection a correction may go back", () => {
  const assembly = attached();
  assembly.receive(caption(1, "uno"));
  assembly.receive(caption(1, "dos"));
  assert.equal(assembly.receive(caption(1, "uno")).length, 1);
});

test("who has heard nothing asks for nothing again, who came in without a cue for all", () => {
  const assembly = attached();
  assert.equal(assembly.resumeAfter, "");
  assembly.receive(caption(5, "era"));
  assert.equal(assembly.resumeAfter, "-");
  assembly.receive(start(5));
  assembly.receive(end(5, 0));
  assert.equal(assembly.resumeAfter, "5-es");
});

test("of what is repeated, nothing is from before one came in", () => {
  const assembly = attached();
  assembly.receive(caption(5, "era"));
  assembly.receive(start(5));
  assembly.receiveAudio(pcm(0, 320));
  assembly.attach();
  assert.deepEqual(assembly.receive(caption(4, "antes")), []);
  assert.deepEqual(
    [...assembly.receive(start(4)), ...assembly.receiveAudio(pcm(0, 320)), ...assembly.receive(end(4, 10))],
    [],
  );
  assert.deepEqual(assembly.receive(start(5)), [], "that one was begun");
  assert.deepEqual(assembly.receiveAudio(pcm(0, 640))[0]?.bytes, pcm(320, 640));
  assert.deepEqual(types(assembly.receive(end(5, 20))), ["cueEnd"]);
  assert.deepEqual(types(assembly.receive(start(6))), ["cueStart"]);
});

test("after another language nothing of the last one counts", () => {
  const assembly = attached();
  assembly.receive(start(9));
  assembly.receive(end(9, 0));
  assembly.attach();
  assembly.changeLanguage();
  assert.deepEqual(types(assembly.receive(start(8, { cueId: "8-pt", language: "pt" }))), ["cueStart"]);
});

test("who is lost just after a change of language misses nothing, and does not hear the talk again", () => {
  const assembly = attached();
  for (const segmentId of [4, 5]) {
    assembly.receive(caption(segmentId, "era"));
    assembly.receive(start(segmentId));
    assembly.receive(end(segmentId, 0));
  }
  assembly.changeLanguage();
  assert.equal(assembly.resumeAfter, "-");
  assembly.attach();
  /** @param {number} segmentId */
  const portuguese = (segmentId) => [
    ...assembly.receive({ ...caption(segmentId, "foi"), language: "pt" }),
    ...assembly.receive(start(segmentId, { cueId: `${segmentId}-pt`, language: "pt" })),
  ];
  assert.deepEqual(portuguese(4), []);
  // It was under way, perhaps.
  assert.deepEqual(types(portuguese(5)), ["caption", "cueStart"]);
});

test("who changed the language before anything came asks for nothing again", () => {
  const assembly = attached();
  assembly.changeLanguage();
  assert.equal(assembly.resumeAfter, "");
});

test("who resumes elsewhere begins after the last cue", () => {
  assert.equal(new Assembly("7-es").resumeAfter, "7-es");
});
