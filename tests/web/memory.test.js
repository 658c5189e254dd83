import assert from "node:assert/strict";
import { test } from "node:test";
import { Transcript } from "../../edge/web/captions/transcript.js";
import { TabMemory } from "../../edge/web/pages/listen/memory.js";

function store(/** @type {Record<string, string>} */ kept = {}) {
  return {
    kept,
    getItem: (/** @type {string} */ key) => kept[key] ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
      kept[key] = value;
    },
    removeItem: (/** @type {string} */ key) => {
      delete kept[key];
    },
  };
}

const FULL = {
  getItem: () => null,
  setItem: () => {
    throw new DOMException("full", "QuotaExceededError");
  },
  removeItem: () => {
    throw new DOMException("forbidden", "SecurityError");
  },
};

/** @type {import("../../edge/web/pages/listen/memory.js").Remembered} */
const NOTHING_HEARD = { language: "es", pin: "", sound: "voice", connectionId: "", lastCue: "" };

/** @param {number} segmentId @param {string} text */
const final = (segmentId, text, isFinal = true) => ({
  segmentId,
  text,
  stableChars: text.length,
  isFinal,
  startMs: segmentId * 1000,
  endMs: segmentId * 1000 + 900,
  language: "es",
});

test("a reload knows the connection, the cue and the PIN of before", () => {
  const tab = store();
  /** @type {import("../../edge/web/pages/listen/memory.js").Remembered} */
  const remembered = {
    language: "es",
    pin: "1234",
    sound: "stream",
    connectionId: "c".repeat(32),
    lastCue: "7-es",
    sourceLanguage: "en",
    qualityTier: "standard",
    at: 1_700_000_000_000,
  };
  new TabMemory("faithful-shepherd-427", tab).remember(remembered);
  assert.deepEqual(new TabMemory("faithful-shepherd-427", tab).recall(), remembered);
});

test("one session's memory is not another's", () => {
  const tab = store();
  new TabMemory("faithful-shepherd-427", tab).remember(NOTHING_HEARD);
  assert.equal(new TabMemory("gentle-river-315", tab).recall(), undefined);
});

test("what was said comes back, but not what was still being said", () => {
  const tab = store();
  const before = new Transcript();
  for (const caption of [final(1, "Uno."), final(2, "Dos."), final(3, "Tre", false)]) before.receive(caption);
  new TabMemory("faithful-shepherd-427", tab).rememberTalk("said", before);
  const after = new Transcript();
  new TabMemory("faithful-shepherd-427", tab).recallTalk("said", after);
  assert.deepEqual(
    after.segments.map(({ text }) => text),
    ["Uno.", "Dos."],
  );
});

test("of a very long talk the end is kept", () => {
  const tab = store();
  const long = new Transcript();
  for (let id = 1; id <= 200; id++) long.receive(final(id, "x".repeat(20_000)));
  new TabMemory("faithful-shepherd-427", tab).rememberTalk("said", long);
  const after = new Transcript();
  new TabMemory("faithful-shepherd-427", tab).recallTalk("said", after);
  assert.equal(after.segments.at(-1)?.segmentId, 200);
  assert.ok(after.segments.length < 80 && after.segments.length > 50);
});

test("what others have written into the storage is no memory", () => {
  const name = "lingocast.listening.faithful-shepherd-427";
  for (const nonsense of ["{", "[]", "7", '{"language": 7}', "null"]) {
    assert.equal(new TabMemory("faithful-shepherd-427", store({ [name]: nonsense })).recall(), undefined);
  }
  const after = new Transcript();
  const tab = store({ [`${name}.said`]: '[null, {"text": 7}, {"segmentId": "x", "text": "y"}]' });
  new TabMemory("faithful-shepherd-427", tab).recallTalk("said", after);
  assert.equal(after.segments.length, 0);
});

test("where nothing can be kept, nothing fails", () => {
  const memory = new TabMemory("faithful-shepherd-427", FULL);
  memory.remember(NOTHING_HEARD);
  memory.forget();
  assert.equal(memory.recall(), undefined);
});
