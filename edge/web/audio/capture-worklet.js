// Runs in the audio thread: gathers what comes in into blocks, and hands them to the page. No more, so that it is never late.

class Capture extends AudioWorkletProcessor {
  #block;
  #filled = 0;

  /** @param {{ processorOptions: { size: number } }} options `size`: samples in a block */
  constructor({ processorOptions }) {
    super();
    this.#block = new Float32Array(processorOptions.size);
  }

  /** @param {Float32Array[][]} inputs one input of one channel, which has none while nothing is connected */
  process([[samples]]) {
    for (let taken = 0; samples && taken < samples.length; ) {
      const part = samples.subarray(taken, taken + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === this.#block.length) {
        const full = this.#block;
        this.#block = new Float32Array(full.length);
        this.#filled = 0;
        this.port.postMessage(full, [full.buffer]);
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
