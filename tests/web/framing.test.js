import assert from "node:assert/strict";
import { test } from "node:test";
import { Framer } from "../../edge/web/audio/framing.js";
import { random } from "./random.js";

test("samples come out in order, in frames of one size, however they came", () => {
  const next = random(5);
  const framer = new Framer(1600);
  const samples = Float32Array.from({ length: 16_000 }, (_, i) => (i - 8000) / 32768);
  const frames = [];
  for (let at = 0; at < samples.length; ) {
    const size = 1 + Math.floor(next() * 3000);
    frames.push(...framer.push(samples.subarray(at, at + size)));
    at += size;
  }
  assert.equal(frames.length, 10);
  assert.deepEqual(
    frames.flatMap((frame) => [...frame]),
    Array.from({ length: 16_000 }, (_, i) => i - 8000),
  );
});

test("what is too loud is clipped, not turned round", () => {
  assert.deepEqual(new Framer(4).push(Float32Array.of(1, 1.7, -1, -1.7)), [Int16Array.of(32767, 32767, -32768, -32768)]);
});

test("the last frame is filled up with silence", () => {
  const framer = new Framer(4);
  assert.deepEqual(framer.push(Float32Array.of(0.5)), []);
  assert.deepEqual(framer.flush(), [Int16Array.of(16384, 0, 0, 0)]);
  assert.deepEqual(framer.flush(), []);
  assert.deepEqual(framer.push(Float32Array.of(0, 0, 0, 0.25)), [Int16Array.of(0, 0, 0, 8192)]);
});

test("a frame that was handed out does not change any more", () => {
  const framer = new Framer(2);
  const [first] = framer.push(Float32Array.of(0.5, 0.5));
  framer.push(Float32Array.of(-1, -1));
  assert.deepEqual(first, Int16Array.of(16384, 16384));
});
