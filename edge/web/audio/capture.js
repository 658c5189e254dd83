// From a node of Web Audio, at whatever rate the device has, to what a speaker sends: 16 kHz, 16 bits, 100 ms at a time.
// Hides how samples are got out of Web Audio: by an AudioWorklet, and where there is none (pages over plain http) by the
// older ScriptProcessor, which is enough for files.

import { Framer } from "./framing.js";
import { level } from "./meter.js";
import { Resampler } from "./resampler.js";

/** Hz, of all chunks. */
export const RATE = 16_000;
const CHUNK = RATE / 10;
/** Level readings a second: more than the 30 that look smooth. */
const BLOCKS_A_SECOND = 40;
const SCRIPT_BLOCK = 1024;

/** @typedef {{ chunk: (samples: Int16Array) => void, level: (level: import("./meter.js").Level) => void }} Taker */

/** Listens to one node at a time, for as long as its context lives. */
export class Capture {
  #taker;
  #node;
  #resampler;
  #framer = new Framer(CHUNK);
  /** Nothing is handed on while false; what is half done stays. */
  open = true;

  /**
   * Raises what addModule raises.
   * @param {AudioContext} context
   * @param {Taker} taker
   */
  static async over(context, taker) {
    if (!context.audioWorklet) return new Capture(context, taker, context.createScriptProcessor(SCRIPT_BLOCK, 1, 1));
    await context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
    const size = Math.round(context.sampleRate / BLOCKS_A_SECOND);
    // Two channels are mixed to one before they come.
    const mono = { channelCount: 1, channelCountMode: /** @type {const} */ ("explicit"), outputChannelCount: [1] };
    return new Capture(
      context,
      taker,
      new AudioWorkletNode(context, "capture", { ...mono, processorOptions: { size } }),
    );
  }

  /**
   * @param {AudioContext} context
   * @param {Taker} taker
   * @param {AudioWorkletNode | ScriptProcessorNode} node
   */
  constructor(context, taker, node) {
    this.#taker = taker;
    this.#node = node;
    this.#resampler = new Resampler(context.sampleRate, RATE);
    if ("port" in node) node.port.onmessage = ({ data }) => this.#take(data);
    else node.onaudioprocess = ({ inputBuffer }) => this.#take(inputBuffer.getChannelData(0).slice());
    // It gives out silence. Some browsers run only what leads to the loudspeaker.
    node.connect(context.destination);
  }

  /** What is to be captured may be connected to this. */
  get node() {
    return this.#node;
  }

  /** The last chunk, filled up with silence. */
  flush() {
    const rest = this.#framer.push(this.#resampler.flush());
    for (const chunk of [...rest, ...this.#framer.flush()]) this.#taker.chunk(chunk);
  }

  close() {
    this.open = false;
    if ("port" in this.#node) this.#node.port.close();
    else this.#node.onaudioprocess = null;
    this.#node.disconnect();
  }

  /** @param {Float32Array} samples */
  #take(samples) {
    if (!this.open) return;
    this.#taker.level(level(samples));
    for (const chunk of this.#framer.push(this.#resampler.process(samples))) this.#taker.chunk(chunk);
  }
}
