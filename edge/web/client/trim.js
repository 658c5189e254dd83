/** Leaves out of what Opus was decoded to what is not the cue's: the codec's delay, the filling of the last packet. Pure. */

const RATE = 48_000;

/** One cue. The last block that was given is held back until more comes, or the end tells how much of it is the cue's. */
export class Trim {
  #skip;
  #passed = 0;
  /** @type {Float32Array} */
  #held = new Float32Array(0);

  /** @param {number} preSkip samples at 48 kHz */
  constructor(preSkip) {
    this.#skip = preSkip;
  }

  /**
   * @param {Float32Array} block at 48 kHz
   * @returns {Float32Array} what is the cue's for sure
   */
  take(block) {
    const skipped = Math.min(this.#skip, block.length);
    this.#skip -= skipped;
    const before = this.#held;
    this.#held = block.subarray(skipped);
    this.#passed += before.length;
    return before;
  }

  /**
   * @param {number} durationMs of the whole cue
   * @returns {Float32Array} its last samples
   */
  end(durationMs) {
    const left = Math.max(0, Math.round((durationMs * RATE) / 1000) - this.#passed);
    return this.#held.subarray(0, left);
  }

  /** All that was held back, of a cue that was cut. */
  rest() {
    return this.#held;
  }
}
