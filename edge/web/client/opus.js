/**
 * Opus packets to samples, by the browser's own decoder (WebCodecs).
 *
 * Hides that it answers later, and what is not the cue's: the codec's delay at the beginning, the filling of the last
 * packet. That packet is held back until the cue's end tells how much of it there is. Where the decoder fails the cue is
 * cut; the next one gets a fresh decoder.
 */
import { Trim } from "./trim.js";

/** @typedef {import("./assembly.js").CueBegun} CueBegun */
/** @typedef {import("./assembly.js").CueOver} CueOver */

const RATE = 48_000;
/** @type {AudioDecoderConfig} No `description`: packets come bare, and who plays leaves `preSkip` out. */
const CONFIG = { codec: "opus", sampleRate: RATE, numberOfChannels: 1 };

/** Failures one after the other, with nothing decoded between, after which it is given up. */
const MOST_FAILURES = 2;

/** Whether this browser decodes Opus here: it does so only on https:// and on the own machine. */
export async function supported() {
  try {
    return typeof AudioDecoder === "function" && (await AudioDecoder.isConfigSupported(CONFIG)).supported === true;
  } catch {
    return false;
  }
}

/**
 * @typedef {object} Handlers
 * @property {(cueId: string, samples: Float32Array, sampleRate: number) => void} audio
 * @property {(end: CueOver) => void} end after the last of its audio
 * @property {() => void} failed it does not work here
 */

/** Cues one after the other: `start`, `packet`s, `end` or `leave`. Samples come later, in order. */
export class OpusVoice {
  #handlers;
  /** @type {AudioDecoder | undefined} */
  #decoder;
  /** @type {{cueId: string, trim: Trim, packetMs: number} | undefined} */
  #cue;
  #failures = 0;
  #sent = 0;
  #broken = false;
  /** Everything before this is decoded and handed out. */
  #settled = Promise.resolve();

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /**
   * Acts when all that was given before is handed out.
   * @param {() => void | Promise<void>} act
   */
  after(act) {
    this.#settled = this.#settled.then(act);
  }

  /** @param {CueBegun} start */
  start(start) {
    const cue = { cueId: start.cueId, trim: new Trim(start.again ? 0 : start.preSkip), packetMs: start.packetMs };
    this.after(() => {
      this.#cue = cue;
      this.#sent = 0;
      this.#broken = false;
    });
  }

  /** @param {Uint8Array} bytes one packet */
  packet(bytes) {
    this.after(() => {
      if (!this.#cue || this.#broken) {
        return;
      }
      try {
        this.#ready().decode(
          new EncodedAudioChunk({ type: "key", timestamp: this.#sent * this.#cue.packetMs * 1000, data: bytes }),
        );
        this.#sent += 1;
      } catch {
        this.#fail();
      }
    });
  }

  /** @param {CueOver} end */
  end(end) {
    this.after(async () => {
      await this.#flush();
      const cue = this.#cue;
      this.#cue = undefined;
      if (cue && !this.#broken) {
        this.#hand(cue.cueId, end.cut ? cue.trim.rest() : cue.trim.end(end.durationMs));
      }
      this.#handlers.end({ ...end, cut: end.cut || this.#broken });
    });
  }

  /** The cue comes on in another form: what there is of it is handed out, and its end is not told. */
  leave() {
    this.after(async () => {
      await this.#flush();
      const cue = this.#cue;
      this.#cue = undefined;
      if (cue && !this.#broken) {
        this.#hand(cue.cueId, cue.trim.rest());
      }
    });
  }

  close() {
    this.#cue = undefined;
    this.#broken = true;
    if (this.#decoder && this.#decoder.state !== "closed") {
      this.#decoder.close();
    }
  }

  #ready() {
    if (!this.#decoder || this.#decoder.state === "closed") {
      const decoder = new AudioDecoder({
        output: (data) => this.#decoded(data),
        error: () => this.#fail(),
      });
      decoder.configure(CONFIG);
      this.#decoder = decoder;
    }
    return this.#decoder;
  }

  async #flush() {
    try {
      if (this.#decoder?.state === "configured") {
        await this.#decoder.flush();
      }
    } catch {
      this.#fail();
    }
  }

  /** @param {AudioData} data */
  #decoded(data) {
    const samples = new Float32Array(data.numberOfFrames);
    const rate = data.sampleRate;
    data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    data.close();
    this.#failures = 0;
    if (this.#cue && !this.#broken) {
      this.#hand(this.#cue.cueId, this.#cue.trim.take(samples), rate);
    }
  }

  /** @param {string} cueId @param {Float32Array} samples @param {number} [rate] */
  #hand(cueId, samples, rate = RATE) {
    if (samples.length > 0) {
      this.#handlers.audio(cueId, samples, rate);
    }
  }

  #fail() {
    if (this.#broken) {
      return;
    }
    this.#broken = true;
    this.#failures += 1;
    if (this.#decoder && this.#decoder.state !== "closed") {
      this.#decoder.close();
    }
    if (this.#failures >= MOST_FAILURES) {
      this.#handlers.failed();
    }
  }
}
