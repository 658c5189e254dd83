// One sample rate to another, while it streams. Pure. Hides the filter: a Kaiser-windowed sinc, kept as one set of
// coefficients for each phase in which output samples fall between input samples, so that a sample costs one dot product.
//
// It passes what is below 0.84 of the lower rate's half, and holds back by 80 dB what is above that half and would come
// back as another tone. (Kaiser's rules: beta 0.1102 (A - 8.7) for A dB; taps (A - 8) / (2.285 * width in radians).)

const ATTENUATION_DB = 84;
const BETA = 0.1102 * (ATTENUATION_DB - 8.7);
// Of the lower rate: the edge where the filter has fallen by half, and the width of its fall on both sides together.
const CUT_OFF = 0.46;
const FALL = 0.08;
// Rates that share no divisor would need a phase for each sample of a second. 1024 put the error 70 dB down.
const MOST_PHASES = 1024;

/** A stream of mono samples at `from` Hz to `to` Hz. Equal rates pass untouched. Not for more than one stream. */
export class Resampler {
  #from;
  #to;
  #phases = 1;
  #taps = 0;
  /** @type {Float32Array[]} coefficients by phase, in the order of the input */
  #filters = [];
  /** Input that is still needed; its first sample is number `#first` of the stream. */
  #kept = new Float32Array(0);
  #first = 0;
  #received = 0;
  #made = 0;

  /**
   * @param {number} from Hz, of what comes
   * @param {number} to Hz, of what goes
   */
  constructor(from, to) {
    if (!(from > 0 && to > 0 && Number.isInteger(from) && Number.isInteger(to)))
      throw new RangeError("rates are in whole Hz");
    this.#from = from;
    this.#to = to;
    if (from !== to) this.#design();
  }

  /**
   * @param {Float32Array} samples the next of the stream
   * @returns {Float32Array} what can be said by now; some milliseconds stay inside. Equal rates: the same array.
   */
  process(samples) {
    this.#received += samples.length;
    if (this.#from === this.#to) return samples;
    const half = this.#taps / 2;
    const complete = Math.floor(((this.#received - half) * this.#to) / this.#from);
    return this.#make(samples, Math.max(0, complete));
  }

  /**
   * The rest, as if silence followed. The stream then had `to / from` times as many samples, rounded. It is at its
   * beginning again.
   * @returns {Float32Array}
   */
  flush() {
    const all = Math.round((this.#received * this.#to) / this.#from);
    const rest = this.#from === this.#to ? new Float32Array(0) : this.#make(new Float32Array(this.#taps), all);
    this.#reset();
    return rest;
  }

  #reset() {
    // Silence before the first sample: the filter's middle lies on it.
    this.#kept = new Float32Array(this.#taps / 2);
    this.#first = -this.#taps / 2;
    this.#received = this.#made = 0;
  }

  /**
   * @param {Float32Array} samples
   * @param {number} until number of the output sample to stop before
   */
  #make(samples, until) {
    const input = new Float32Array(this.#kept.length + samples.length);
    input.set(this.#kept);
    input.set(samples, this.#kept.length);
    const output = new Float32Array(Math.max(0, until - this.#made));
    const half = this.#taps / 2;
    for (let made = 0; made < output.length; made++) {
      // The place among the input samples: a whole one and a part. Both stay exact below 2^53.
      const place = (this.#made + made) * this.#from;
      const whole = Math.floor(place / this.#to);
      const filter = this.#filters[Math.round(((place - whole * this.#to) / this.#to) * this.#phases)];
      const start = whole - half + 1 - this.#first;
      let sum = 0;
      for (let tap = 0; tap < filter.length; tap++) sum += filter[tap] * input[start + tap];
      output[made] = sum;
    }
    this.#made += output.length;
    const needed = Math.floor((this.#made * this.#from) / this.#to) - half + 1 - this.#first;
    this.#kept = input.slice(Math.min(Math.max(needed, 0), input.length));
    this.#first += input.length - this.#kept.length;
    return output;
  }

  #design() {
    const divisor = commonDivisor(this.#from, this.#to);
    this.#phases = Math.min(this.#to / divisor, MOST_PHASES);
    const lower = Math.min(this.#from, this.#to) / this.#from;
    const taps = (ATTENUATION_DB - 8) / (2.285 * 2 * Math.PI * FALL * lower);
    this.#taps = 2 * Math.ceil(taps / 2);
    // One more than there are phases: a part that rounds up to a whole sample is the last.
    this.#filters = Array.from({ length: this.#phases + 1 }, (_, phase) =>
      this.#filter(phase / this.#phases, CUT_OFF * lower),
    );
    this.#reset();
  }

  /**
   * @param {number} part 0 to 1: how far behind the middle input sample the output sample lies
   * @param {number} cutOff cycles per input sample
   */
  #filter(part, cutOff) {
    const half = this.#taps / 2;
    const filter = new Float32Array(this.#taps);
    let sum = 0;
    for (let tap = 0; tap < this.#taps; tap++) {
      const distance = tap - half + 1 - part;
      const inside = 1 - (distance / half) ** 2;
      const window = inside > 0 ? bessel(BETA * Math.sqrt(inside)) / bessel(BETA) : 0;
      const angle = 2 * Math.PI * cutOff * distance;
      filter[tap] = window * (angle === 0 ? 1 : Math.sin(angle) / angle);
      sum += filter[tap];
    }
    // Each phase passes a constant as it is; without this they would differ, which is a tone.
    for (let tap = 0; tap < this.#taps; tap++) filter[tap] /= sum;
    return filter;
  }
}

/** The modified Bessel function of the first kind, order 0, by its power series. @param {number} x */
function bessel(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** @param {number} a @param {number} b @returns {number} */
function commonDivisor(a, b) {
  return b === 0 ? a : commonDivisor(b, a % b);
}
