// Pieces of sound on the sound card's clock, out as a MediaStream. Hides the nodes of Web Audio: one for each piece, made
// when it is placed, gone when it was heard. No script touches single samples; that would be too much for an old phone.

/** @typedef {import("./timetable.js").Piece<Float32Array>} Piece */

/** Seconds in which loudness changes: no click, and at once to the ear. */
const SMOOTH = 0.015;
/** The card takes its sound in advance, by about its latency; with twice that nothing is too late. */
const [LEAST_GUARD, MOST_GUARD] = [0.03, 0.2];

/** Made in a tap: a context that was made or resumed outside one may stay silent on iOS. */
export class Output {
  #gain;
  /** @type {Map<Piece, AudioBufferSourceNode>} */
  #nodes = new Map();

  /** @param {number} sampleRate Hz, as wished; `rate` says what it is */
  constructor(sampleRate) {
    this.context = contextOf(sampleRate);
    this.#gain = this.context.createGain();
    const destination = this.context.createMediaStreamDestination();
    destination.channelCount = 1;
    this.#gain.connect(destination);
    /** What is heard. */
    this.stream = destination.stream;
  }

  /** Hz. */
  get rate() {
    return this.context.sampleRate;
  }

  /** Samples since it was made, without the time in which the context stood still. */
  get now() {
    return Math.round(this.context.currentTime * this.rate);
  }

  /** How long before its time a piece must be given to `play`. */
  get guardSeconds() {
    return Math.min(MOST_GUARD, Math.max(LEAST_GUARD, 2 * (this.context.baseLatency || 0)));
  }

  /** 0 to 1. @param {number} loudness */
  set loudness(loudness) {
    this.#gain.gain.setTargetAtTime(loudness, this.context.currentTime, SMOOTH);
  }

  /**
   * Plays pieces, each from its `at` on.
   * @param {Piece[]} pieces
   * @param {() => void} ready called when all is prepared, which takes a moment: the last chance to move them
   */
  play(pieces, ready) {
    const nodes = pieces.map(({ sound }) => this.#node(sound));
    ready();
    for (const [index, piece] of pieces.entries()) {
      const node = nodes[index];
      node.start((piece.at ?? 0) / this.rate);
      node.onended = () => this.#nodes.delete(piece);
      this.#nodes.set(piece, node);
    }
  }

  /** @param {Piece[]} pieces not to be heard any further */
  silence(pieces) {
    for (const piece of pieces) {
      const node = this.#nodes.get(piece);
      node?.stop();
      node?.disconnect();
      this.#nodes.delete(piece);
    }
  }

  /** @param {Float32Array} sound */
  #node(sound) {
    const buffer = this.context.createBuffer(1, sound.length, this.rate);
    buffer.copyToChannel(/** @type {Float32Array<ArrayBuffer>} */ (sound), 0);
    const node = this.context.createBufferSource();
    node.buffer = buffer;
    node.connect(this.#gain);
    return node;
  }
}

/** @param {number} sampleRate */
function contextOf(sampleRate) {
  // Silent switch or not, this is what the person came for (Safari 17 and later; the element does the same before).
  const { audioSession } = /** @type {{ audioSession?: { type: string } }} */ (navigator);
  if (audioSession) audioSession.type = "playback";
  try {
    return new AudioContext({ sampleRate, latencyHint: "balanced" });
  } catch {
    // A rate that this device does not do: cues are resampled to its own.
    return new AudioContext({ latencyHint: "balanced" });
  }
}
