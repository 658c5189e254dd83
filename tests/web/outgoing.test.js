import assert from "node:assert/strict";
import test from "node:test";
import { Outgoing } from "../../edge/web/client/outgoing.js";
import { decoded, encoded } from "../../edge/web/client/pcm.js";
import { Trim } from "../../edge/web/client/trim.js";

/** Samples that tell where they were. @param {number} from @param {number} to */
const samples = (from, to) => Int16Array.from({ length: to - from }, (_, index) => from + index);
/** @param {Outgoing} outgoing @param {number} now */
const all = (outgoing, now) => {
  const taken = [];
  for (let chunk = outgoing.take(now); chunk; chunk = outgoing.take(now)) {
    taken.push(chunk);
  }
  return taken;
};

test("a chunk of a microphone goes out as it is", () => {
  const outgoing = new Outgoing();
  outgoing.put(samples(0, 1600));
  assert.deepEqual(all(outgoing, 0), [samples(0, 1600)]);
  assert.ok(outgoing.empty);
});

test("small blocks are joined, long ones are cut into equal parts", () => {
  const outgoing = new Outgoing();
  for (let at = 0; at < 640; at += 160) {
    outgoing.put(samples(at, at + 160));
  }
  assert.deepEqual(all(outgoing, 0), [samples(0, 640)]);
  outgoing.put(samples(0, 20_000));
  assert.deepEqual(
    all(outgoing, 0).map((chunk) => chunk.length),
    [10_000, 10_000],
  );
});

test("what is older than five seconds goes, and it is said how much", () => {
  const outgoing = new Outgoing();
  let lost = 0;
  for (let at = 0; at < 70; at += 1) {
    lost += outgoing.put(new Int16Array(1600).fill(at));
  }
  assert.ok(Math.abs(lost - 2) < 1e-9);
  assert.equal(outgoing.seconds, 5);
  assert.equal(outgoing.take(0)?.[0], 20);
});

test("what waited goes out at forty chunks a second, and never more than fifty in one", () => {
  const outgoing = new Outgoing();
  for (let at = 0; at < 50; at += 1) {
    outgoing.put(new Int16Array(1600));
  }
  assert.equal(all(outgoing, 0).length, 10);
  assert.equal(outgoing.wait, 25);
  assert.equal(all(outgoing, 24).length, 0);
  assert.equal(all(outgoing, 500).length, 10);
  let sent = 0;
  for (let now = 525; now <= 1500; now += 25) {
    sent += all(outgoing, now).length;
  }
  assert.equal(sent, 30);
});

test("samples are the same after they were bytes", () => {
  const given = Int16Array.of(-32_768, -1, 0, 1, 32_767);
  const back = Array.from(decoded(encoded(given)), (sample) => sample * 32_768);
  assert.deepEqual(back, Array.from(given));
});

test("bytes at an odd place are read, and half a sample is left out", () => {
  const bytes = Uint8Array.of(9, 0, 64, 0);
  assert.deepEqual(Array.from(decoded(bytes.subarray(1))), [0.5]);
});

test("what is not the cue's is left out at both ends", () => {
  const trim = new Trim(312);
  const block = Float32Array.from({ length: 2880 }, (_, index) => index);
  assert.equal(trim.take(block).length, 0, "the last one is held back");
  const first = trim.take(block);
  assert.deepEqual([first.length, first[0]], [2568, 312]);
  assert.equal(trim.end(60).length, 2880 - 2568);
});

test("a codec's delay may be longer than a packet, and a cue shorter", () => {
  const trim = new Trim(3000);
  assert.equal(trim.take(new Float32Array(2880)).length, 0);
  assert.equal(trim.take(new Float32Array(2880)).length, 0);
  assert.equal(trim.end(20).length, 960);
  assert.equal(new Trim(312).end(100).length, 0);
});
