// How loud it is, as a person reads it from a bar. Pure. Hides the scale (decibels, for ears hear so) and the ballistics
// (up at once, down slowly, for eyes do not follow syllables).

/** dBFS, where the bar begins; it ends at 0. The zones of the speaker page, 80 % and 95 %, are then -12 and -3 dBFS. */
const FLOOR_DB = -60;
const HIGH = 0.8;
const OVER = 0.95;
/** Speech into a microphone that is on peaks far above, also from a person who speaks softly: this is -42 dBFS. */
const LOW = 0.3;
const LOW_AFTER_SECONDS = 3;
const FALL_PER_SECOND = 0.4;
/** Below any noise: what silence, whose logarithm there is not, is said to have. */
const SILENT_DB = -100;

/**
 * @typedef {object} Level
 * @property {number} rms 0 to 1
 * @property {number} peak 0 to 1
 * @property {number} rmsDb dBFS: -100 to 0
 * @property {number} peakDb dBFS: -100 to 0
 */

/**
 * @typedef {object} Reading
 * @property {number} fraction 0 to 1: how much of the bar is filled
 * @property {"normal" | "high" | "over"} zone high from 80 %, over from 95 % on
 * @property {boolean} low it has been too soft for 3 s
 */

/**
 * The level of some milliseconds.
 * @param {Float32Array} samples -1 to 1
 * @returns {Level}
 */
export function level(samples) {
  let peak = 0;
  let squares = 0;
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i];
    squares += value * value;
    if (value > peak) peak = value;
    else if (-value > peak) peak = -value;
  }
  const rms = Math.min(1, Math.sqrt(squares / (samples.length || 1)));
  peak = Math.min(1, peak);
  return { rms, peak, rmsDb: decibels(rms), peakDb: decibels(peak) };
}

/** One bar. */
export class Meter {
  #fraction = 0;
  /** @type {number | undefined} */
  #at;
  /** @type {number | undefined} */
  #softSince;

  /**
   * @param {{ peakDb: number }} level
   * @param {number} now seconds, of any clock that goes on steadily
   * @returns {Reading}
   */
  receive({ peakDb }, now) {
    const fraction = Math.min(1, Math.max(0, 1 - peakDb / FLOOR_DB));
    const fallen = this.#fraction - FALL_PER_SECOND * (now - (this.#at ?? now));
    this.#fraction = Math.max(fraction, fallen, 0);
    this.#at = now;
    if (fraction >= LOW) this.#softSince = undefined;
    else this.#softSince ??= now;
    const zone = this.#fraction >= OVER ? "over" : this.#fraction >= HIGH ? "high" : "normal";
    return {
      fraction: this.#fraction,
      zone,
      low: this.#softSince !== undefined && now - this.#softSince >= LOW_AFTER_SECONDS,
    };
  }
}

/** @param {number} amplitude */
function decibels(amplitude) {
  return amplitude > 0 ? Math.max(SILENT_DB, 20 * Math.log10(amplitude)) : SILENT_DB;
}
