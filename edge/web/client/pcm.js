/** PCM s16le, as the protocol has it, to the numbers that browsers play. Pure. */

const FULL_SCALE = 32_768;

/**
 * @param {Uint8Array} bytes s16le; an odd byte at the end is left out
 * @returns {Float32Array} -1 to 1
 */
export function decoded(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Float32Array(bytes.byteLength >> 1);
  for (let index = 0; index < samples.length; index += 1) {
    samples[index] = view.getInt16(2 * index, true) / FULL_SCALE;
  }
  return samples;
}

/**
 * @param {Int16Array} samples
 * @returns {Uint8Array<ArrayBuffer>} s16le, copied
 */
export function encoded(samples) {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  for (const [index, sample] of samples.entries()) {
    view.setInt16(2 * index, sample, true);
  }
  return bytes;
}
