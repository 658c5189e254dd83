import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../../edge/web/audio/resampler.js";
import { random } from "./random.js";

const RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000];

/** @param {number} hertz @param {number} rate @param {number} seconds */
function sine(hertz, rate, seconds) {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) =>
    Math.sin((2 * Math.PI * hertz * i) / rate),
  );
}

/** @param {number} from @param {number} to @param {Float32Array} samples @param {() => number} [sizes] */
function resampled(from, to, samples, sizes = () => samples.length) {
  const resampler = new Resampler(from, to);
  const parts = [];
  for (let at = 0; at < samples.length; ) {
    const size = Math.max(1, Math.floor(sizes()));
    parts.push(resampler.process(samples.slice(at, at + size)));
    at += size;
  }
  parts.push(resampler.flush());
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** Root mean square, without what the beginning and the end bring in. @param {Float32Array} samples */
function loudness(samples) {
  const inner = samples.subarray(samples.length * 0.1, samples.length * 0.9);
  return Math.sqrt(inner.reduce((sum, value) => sum + value * value, 0) / inner.length);
}

for (const rate of RATES) {
  test(`from ${rate} Hz a tone of speech comes out at 16 kHz as itself, at its place`, () => {
    const made = resampled(rate, 16_000, sine(440, rate, 0.4));
    const wanted = sine(440, 16_000, 0.4);
    assert.equal(made.length, wanted.length);
    for (let i = 200; i < made.length - 200; i++) assert.ok(Math.abs(made[i] - wanted[i]) < 1e-3, `sample ${i}`);
  });

  test(`at ${rate} Hz a stream in pieces is the stream in one piece`, () => {
    const samples = sine(1234, rate, 0.2);
    const next = random(rate);
    const whole = resampled(rate, 16_000, samples);
    const pieces = resampled(rate, 16_000, samples, () => 1 + next() * 900);
    assert.deepEqual(pieces, whole);
  });
}

for (const rate of RATES.filter((each) => each > 20_000)) {
  test(`from ${rate} Hz what 16 kHz cannot hold is at least 75 dB down, not another tone`, () => {
    // Also where it would come back as low as a vowel: 15.7 kHz as 300 Hz.
    for (const hertz of [8200, 9000, 10_500, 15_700, 19_000].filter((each) => each < rate / 2)) {
      const made = resampled(rate, 16_000, sine(hertz, rate, 0.3));
      const down = 20 * Math.log10(loudness(made) / Math.SQRT1_2);
      assert.ok(down < -75, `${hertz} Hz is only ${down.toFixed(1)} dB down`);
    }
  });

  test(`from ${rate} Hz speech keeps its loudness up to 6.7 kHz, within 0.05 dB`, () => {
    for (const hertz of [60, 300, 1000, 3400, 5000, 6700]) {
      const gain = 20 * Math.log10(loudness(resampled(rate, 16_000, sine(hertz, rate, 0.5))) / Math.SQRT1_2);
      assert.ok(Math.abs(gain) < 0.05, `${hertz} Hz: ${gain.toFixed(3)} dB`);
    }
  });
}

test("16 kHz at a context of 48 kHz has no mirror images above what it held", () => {
  const made = resampled(16_000, 48_000, sine(3000, 16_000, 0.3));
  const wanted = sine(3000, 48_000, 0.3);
  for (let i = 600; i < made.length - 600; i++) assert.ok(Math.abs(made[i] - wanted[i]) < 1e-3, `sample ${i}`);
});

test("rates that share no divisor are resampled too, as well as a microphone needs", () => {
  const made = resampled(44_099, 16_000, sine(2000, 44_099, 0.5));
  const wanted = sine(2000, 16_000, 0.5);
  for (let i = 200; i < made.length - 200; i++) assert.ok(Math.abs(made[i] - wanted[i]) < 2e-3, `sample ${i}`);
});

test("the same rate passes untouched, without a copy", () => {
  const samples = sine(440, 16_000, 0.1);
  const resampler = new Resampler(16_000, 16_000);
  assert.equal(resampler.process(samples), samples);
  assert.equal(resampler.flush().length, 0);
});

test("a stream of any length comes out as long as it was", () => {
  for (const length of [0, 1, 7, 160, 441, 4410, 44_100]) {
    assert.equal(resampled(44_100, 16_000, new Float32Array(length)).length, Math.round((length * 160) / 441));
  }
});

test("after its end a resampler begins a new stream", () => {
  const resampler = new Resampler(48_000, 16_000);
  const take = () => [...resampler.process(sine(440, 48_000, 0.1)), ...resampler.flush()];
  assert.deepEqual(take(), take());
});

test("a long stream does not drift", () => {
  // The places of samples are whole numbers, so they are as exact after minutes as at first.
  const resampler = new Resampler(44_100, 16_000);
  let made = 0;
  for (let second = 0; second < 180; second += 5) made += resampler.process(new Float32Array(44_100 * 5)).length;
  assert.equal(made + resampler.flush().length, 180 * 16_000);
});

test("a rate must be a rate", () => {
  for (const rate of [0, -1, Number.NaN, 16_000.5]) assert.throws(() => new Resampler(rate, 16_000), RangeError);
});
