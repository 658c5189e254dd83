import assert from "node:assert/strict";
import { test } from "node:test";
import { level, Meter } from "../../edge/web/audio/meter.js";

test("the level of a full-scale sine is 0 dBFS at its peak and 3 dB less on average", () => {
  const { peak, rms, peakDb, rmsDb } = level(Float32Array.from({ length: 1600 }, (_, i) => Math.sin(i * 0.3)));
  assert.ok(peak > 0.999 && peak <= 1);
  assert.ok(Math.abs(rms - Math.SQRT1_2) < 0.002);
  assert.ok(Math.abs(peakDb) < 0.01);
  assert.ok(Math.abs(rmsDb + 3.01) < 0.02);
});

test("negative samples count as loud as positive ones", () => {
  assert.equal(level(Float32Array.of(0.1, -0.5, 0.2)).peak, 0.5);
});

test("silence, and nothing at all, have a level that can be shown", () => {
  assert.deepEqual(level(new Float32Array(100)), { rms: 0, peak: 0, rmsDb: -100, peakDb: -100 });
  assert.deepEqual(level(new Float32Array(0)), { rms: 0, peak: 0, rmsDb: -100, peakDb: -100 });
});

test("what is beyond full scale is full scale", () => {
  assert.deepEqual(level(Float32Array.of(1.5, -2)), { rms: 1, peak: 1, rmsDb: 0, peakDb: 0 });
});

test("the bar is yellow from 80 % and red from 95 % on", () => {
  /** @param {number} peakDb */
  const zone = (peakDb) => new Meter().receive({ peakDb }, 0).zone;
  assert.deepEqual([-60, -12.1, -11.9, -3.1, -2.9, 0].map(zone), ["normal", "normal", "high", "high", "over", "over"]);
});

test("the bar is filled by decibels, from -60 to 0", () => {
  const fractions = [-100, -60, -30, 0].map((peakDb) => new Meter().receive({ peakDb }, 0).fraction);
  assert.deepEqual(fractions, [0, 0, 0.5, 1]);
});

test("the bar rises at once and falls slowly", () => {
  const meter = new Meter();
  meter.receive({ peakDb: -100 }, 0);
  assert.equal(meter.receive({ peakDb: 0 }, 0.025).fraction, 1);
  const next = meter.receive({ peakDb: -100 }, 0.125);
  assert.ok(Math.abs(next.fraction - 0.96) < 1e-9);
  assert.equal(meter.receive({ peakDb: -100 }, 5).fraction, 0);
});

test("too soft is said after three seconds, and taken back at once", () => {
  const meter = new Meter();
  const at = (/** @type {number} */ now, /** @type {number} */ peakDb) => meter.receive({ peakDb }, now).low;
  assert.equal(at(0, -20), false);
  assert.equal(at(1, -50), false);
  assert.equal(at(3.9, -50), false);
  assert.equal(at(4, -50), true);
  assert.equal(at(9, -60), true);
  assert.equal(at(9.025, -20), false);
  assert.equal(at(9.05, -50), false);
});

test("somebody who speaks softly with pauses is not too soft", () => {
  const meter = new Meter();
  for (let now = 0; now < 20; now += 0.025) {
    const peakDb = now % 2.5 < 1 ? -36 : -65;
    assert.equal(meter.receive({ peakDb }, now).low, false);
  }
});
