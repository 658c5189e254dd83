// Samples as the speaker's socket takes them: 16-bit, in frames of equal length. Pure. Hides what is left over between.

/** Float samples in, frames of `size` 16-bit samples out. */
export class Framer {
  #frame;
  #filled = 0;

  /** @param {number} size samples in a frame */
  constructor(size) {
    this.#frame = new Int16Array(size);
  }

  /**
   * @param {Float32Array} samples -1 to 1; what is beyond is clipped
   * @returns {Int16Array[]} the frames that are full by now, each an array of its own
   */
  push(samples) {
    const full = [];
    for (let i = 0; i < samples.length; i++) {
      this.#frame[this.#filled++] = Math.min(32767, Math.max(-32768, Math.round(samples[i] * 32768)));
      if (this.#filled === this.#frame.length) {
        full.push(this.#frame);
        this.#frame = new Int16Array(this.#frame.length);
        this.#filled = 0;
      }
    }
    return full;
  }

  /** The frame that was begun, filled up with silence; none when there is nothing in it. @returns {Int16Array[]} */
  flush() {
    if (this.#filled === 0) return [];
    const last = this.#frame;
    this.#frame = new Int16Array(last.length);
    this.#filled = 0;
    return [last];
  }
}
