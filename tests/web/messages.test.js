import assert from "node:assert/strict";
import test from "node:test";
import { INITIAL_STATE, moved, parse } from "../../edge/web/client/messages.js";

test("a message is read, and what is not known of it is left out", () => {
  const frame = {
    type: "caption",
    segmentId: 7,
    language: "es",
    text: "En",
    isFinal: true,
    startMs: 5,
    endMs: 9,
    mood: "glad",
  };
  const { mood: _, ...known } = frame;
  assert.deepEqual(parse(JSON.stringify(frame)), { ...known, stableChars: 0 });
});

test("null stands for what is left out", () => {
  const frame = { type: "error", code: "WRONG_PIN", status: 403, message: "no", retryAfter: null, languages: null };
  assert.deepEqual(parse(JSON.stringify(frame)), { type: "error", code: "WRONG_PIN", status: 403, message: "no" });
});

for (const frame of [
  "",
  "{",
  "[]",
  "null",
  '"caption"',
  "{}",
  '{"type":7}',
  '{"type":"constructor"}',
  '{"type":"brandNew"}',
  '{"type":"caption","text":"no segment"}',
  '{"type":"caption","segmentId":"7","language":"es","text":"","isFinal":true}',
  '{"type":"sessionStatus","listenerCount":1,"lag":{"es":"slow"}}',
  '{"type":"stateRestored","broadcastState":[]}',
]) {
  test(`${frame || "nothing"} is no message`, () => assert.equal(parse(frame), undefined));
}

test("the switches follow what is told", () => {
  let state = INITIAL_STATE;
  for (const frame of [
    '{"type":"broadcastPaused"}',
    '{"type":"broadcastMuted"}',
    '{"type":"volumeChanged","volumeLevel":0.5}',
  ]) {
    const message = parse(frame);
    assert.ok(message);
    state = moved(state, message) ?? state;
  }
  assert.deepEqual(state, { isActive: true, isPaused: true, isMuted: true, volume: 0.5 });
  const restored = parse(
    '{"type":"stateRestored","broadcastState":{"isActive":true,"isPaused":false,"isMuted":false,"volume":1}}',
  );
  assert.deepEqual(restored && moved(state, restored), INITIAL_STATE);
  assert.equal(moved(state, { type: "heartbeatAck" }), undefined);
});
