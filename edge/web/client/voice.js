/**
 * From what is new of the voice to samples, in order. Hides in which form the voice comes: PCM is there at once, Opus when
 * the browser has decoded it, and what follows it waits for that.
 */
import { OpusVoice, supported } from "./opus.js";
import { decoded } from "./pcm.js";

/** @typedef {import("./assembly.js").Assembled & {type: "cueStart" | "cueAudio" | "cueEnd"}} News */
/** @typedef {{cueId: string, segmentId: number, language: string, startMs: number, endMs: number, tempo: number}} CueStart */
/** @typedef {{cueId: string, samples: Float32Array, sampleRate: number}} Samples -1 to 1 */
/** @typedef {{cueId: string, durationMs: number, cut: boolean}} CueEnd */
/**
 * @typedef {object} Handlers
 * @property {(cue: CueStart) => void} start
 * @property {(audio: Samples) => void} audio
 * @property {(end: CueEnd) => void} end
 * @property {() => void} failed Opus cannot be decoded here after all
 */

export class Voice {
  #handlers;
  /** @type {OpusVoice | undefined} */
  #opus;
  /** Of the cue under way: its rate, and in which form it comes. */
  #sampleRate = 16_000;
  #form = "pcm";

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Prepares for Opus. False where this browser cannot. */
  async takeOpus() {
    if (!(await supported())) {
      return false;
    }
    this.#opus = new OpusVoice({
      audio: (cueId, samples, sampleRate) => this.#handlers.audio({ cueId, samples, sampleRate }),
      end: ({ type: _, ...end }) => this.#handlers.end(end),
      failed: this.#handlers.failed,
    });
    return true;
  }

  /** @param {News} news */
  take(news) {
    switch (news.type) {
      case "cueStart":
        this.#start(news);
        break;
      case "cueAudio":
        this.#audio(news.cueId, news.bytes);
        break;
      default:
        this.#end(news);
    }
  }

  /**
   * Acts once all that was taken before is handed out.
   * @param {() => void} act
   */
  afterwards(act) {
    if (this.#opus) {
      this.#opus.after(act);
    } else {
      act();
    }
  }

  /** What was taken before is still handed out. */
  close() {
    const opus = this.#opus;
    opus?.after(() => opus.close());
  }

  /** @param {News & {type: "cueStart"}} news */
  #start(news) {
    if (news.again && this.#form === "opus") {
      this.#opus?.leave();
    }
    this.#form = news.audioFormat;
    this.#sampleRate = news.sampleRate;
    if (!news.again) {
      const { cueId, segmentId, language, startMs, endMs, tempo } = news;
      this.afterwards(() => this.#handlers.start({ cueId, segmentId, language, startMs, endMs, tempo }));
    }
    if (this.#form === "opus") {
      this.#opus?.start(news);
    }
  }

  /** @param {string} cueId @param {Uint8Array} bytes */
  #audio(cueId, bytes) {
    if (this.#form === "opus") {
      this.#opus?.packet(bytes);
    } else {
      const audio = { cueId, samples: decoded(bytes), sampleRate: this.#sampleRate };
      this.afterwards(() => this.#handlers.audio(audio));
    }
  }

  /** @param {News & {type: "cueEnd"}} news */
  #end(news) {
    if (this.#form === "opus") {
      this.#opus?.end(news);
    } else {
      const { type: _, ...end } = news;
      this.afterwards(() => this.#handlers.end(end));
    }
  }
}
