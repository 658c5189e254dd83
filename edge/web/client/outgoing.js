/**
 * The speaker's audio on its way: cut into chunks that the protocol takes, kept while there is no connection, sent no
 * faster than is allowed. Pure: time is an argument.
 */

const SAMPLE_RATE = 16_000;

/** Full: the oldest goes, as it does at the server. */
const MOST_SAMPLES = 5 * SAMPLE_RATE;

/** Shorter ones wait for more, so that a source of small blocks stays under the limit of chunks. */
const LEAST_SAMPLES = 0.04 * SAMPLE_RATE;

/** A little under the protocol's 32 KB. */
const MOST_IN_CHUNK = 16_000;

/** With 40 a second and 10 at once there are at most 50 in any second, which is the protocol's limit. */
const CHUNKS_PER_MS = 40 / 1000;
const AT_ONCE = 10;

export class Outgoing {
  /** @type {Int16Array[]} */
  #chunks = [];
  #samples = 0;
  #rest = new Int16Array(0);
  #tokens = AT_ONCE;
  #at = 0;

  /** Seconds of audio that wait. */
  get seconds() {
    return this.#samples / SAMPLE_RATE;
  }

  get empty() {
    return this.#chunks.length === 0;
  }

  /**
   * Takes audio in.
   * @param {Int16Array} samples 16 kHz, mono
   * @returns {number} seconds that had to go for it
   */
  put(samples) {
    const audio = new Int16Array(this.#rest.length + samples.length);
    audio.set(this.#rest);
    audio.set(samples, this.#rest.length);
    if (audio.length < LEAST_SAMPLES) {
      this.#rest = audio;
      return 0;
    }
    this.#rest = new Int16Array(0);
    // Equal parts, so that no chunk is a short remainder.
    const size = Math.ceil(audio.length / Math.ceil(audio.length / MOST_IN_CHUNK));
    for (let start = 0; start < audio.length; start += size) {
      this.#chunks.push(audio.subarray(start, start + size));
    }
    this.#samples += audio.length;
    return this.#shed() / SAMPLE_RATE;
  }

  /**
   * The next chunk that may be sent now, if there is one.
   * @param {number} now milliseconds
   */
  take(now) {
    this.#tokens = Math.min(this.#tokens + Math.max(0, now - this.#at) * CHUNKS_PER_MS, AT_ONCE);
    this.#at = now;
    if (this.#tokens < 1) {
      return undefined;
    }
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#tokens -= 1;
      this.#samples -= chunk.length;
    }
    return chunk;
  }

  /** Milliseconds after the last `take` when the next chunk may be sent. */
  get wait() {
    return Math.max(0, (1 - this.#tokens) / CHUNKS_PER_MS);
  }

  #shed() {
    let gone = 0;
    while (this.#samples > MOST_SAMPLES && this.#chunks.length > 1) {
      const oldest = /** @type {Int16Array} */ (this.#chunks.shift());
      gone += oldest.length;
      this.#samples -= oldest.length;
    }
    return gone;
  }
}
