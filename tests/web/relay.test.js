import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_SECONDS, Relay } from "../../edge/web/pages/listen/relay.js";

/** @typedef {import("../../edge/web/pages/listen/relay.js").Piece} Piece */
const OLD = { name: "old" };
const NEW = { name: "new" };

/** @param {string} cueId @returns {Piece} */
const start = (cueId) => ({ kind: "start", cueId, cue: { cueId, language: cueId.slice(-2) } });
/** @param {string} cueId @returns {Piece} */
const audio = (cueId, seconds = 0.1) => ({
  kind: "audio",
  cueId,
  samples: new Float32Array(seconds * 16_000),
  sampleRate: 16_000,
});
/** @param {string} cueId @returns {Piece} */
const end = (cueId) => ({ kind: "end", cueId, cut: false });
/** @param {Piece[]} pieces */
const spelt = (pieces) => pieces.map((piece) => `${piece.kind} ${piece.cueId}${"cut" in piece && piece.cut ? " cut" : ""}`);

function begun() {
  const relay = new Relay();
  relay.follow(OLD);
  return relay;
}

test("one source is handed on as it comes", () => {
  const relay = begun();
  const heard = [start("1-es"), audio("1-es"), end("1-es")].flatMap((piece) => relay.receive(OLD, piece));
  assert.deepEqual(spelt(heard), ["start 1-es", "audio 1-es", "end 1-es"]);
});

test("the next source waits until the cue under way has ended", () => {
  const relay = begun();
  relay.receive(OLD, start("1-es"));
  assert.deepEqual(relay.follow(NEW), []);
  assert.deepEqual(relay.receive(NEW, start("2-pt")), []);
  assert.deepEqual(spelt(relay.receive(OLD, audio("1-es"))), ["audio 1-es"]);
  assert.deepEqual(relay.receive(NEW, audio("2-pt")), []);
  assert.equal(relay.waiting, true);
  assert.deepEqual(spelt(relay.receive(OLD, end("1-es"))), ["end 1-es", "start 2-pt", "audio 2-pt"]);
  assert.equal(relay.waiting, false);
  assert.deepEqual(spelt(relay.receive(NEW, end("2-pt"))), ["end 2-pt"]);
});

test("between cues the next source begins at once, and the one before is not heard any more", () => {
  const relay = begun();
  relay.follow(NEW);
  assert.deepEqual(relay.receive(OLD, start("1-es")), []);
  assert.deepEqual(spelt(relay.receive(NEW, start("1-pt"))), ["start 1-pt"]);
});

test("a source that goes in the middle of its cue leaves a cut cue, and the next is heard", () => {
  const relay = begun();
  relay.receive(OLD, start("1-es"));
  relay.follow(NEW);
  relay.receive(NEW, start("2-pt"));
  assert.deepEqual(spelt(relay.gone(OLD)), ["end 1-es cut", "start 2-pt"]);
  assert.deepEqual(relay.gone(OLD), []);
});

test("a source that never ends its cue is given up before what waits is too much", () => {
  const relay = begun();
  relay.receive(OLD, start("1-es"));
  relay.follow(NEW);
  relay.receive(NEW, start("2-pt"));
  assert.deepEqual(relay.receive(NEW, audio("2-pt", MOST_SECONDS)), []);
  assert.deepEqual(spelt(relay.receive(NEW, audio("2-pt", 1))), ["end 1-es cut", "start 2-pt", "audio 2-pt", "audio 2-pt"]);
  assert.deepEqual(relay.receive(OLD, audio("1-es")), []);
});

test("two changes in one cue: it is heard to its end, then only the last source", () => {
  const relay = begun();
  const third = { name: "third" };
  relay.receive(OLD, start("1-es"));
  relay.follow(NEW);
  assert.deepEqual(relay.follow(third), []);
  assert.deepEqual(relay.receive(third, start("2-fr")), []);
  assert.deepEqual(spelt(relay.receive(OLD, end("1-es"))), ["end 1-es", "start 2-fr"]);
  assert.deepEqual(relay.receive(NEW, start("2-pt")), []);
});

test("two changes in one cue, the first of which has begun a cue: both cues are heard to their ends", () => {
  const relay = begun();
  const third = { name: "third" };
  relay.receive(OLD, start("1-es"));
  relay.follow(NEW);
  relay.receive(NEW, start("2-pt"));
  relay.follow(third);
  relay.receive(third, start("3-fr"));
  assert.deepEqual(spelt(relay.receive(OLD, end("1-es"))), ["end 1-es", "start 2-pt"]);
  assert.deepEqual(spelt(relay.receive(NEW, end("2-pt"))), ["end 2-pt", "start 3-fr"]);
  assert.equal(relay.waiting, false);
});
