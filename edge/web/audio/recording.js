// A recording spoken instead of a microphone, in real time: a file of the person, or our sample talk. Hides that a media
// element plays it, which knows every format of the browser, holds no long file in memory, and keeps time by the sound
// card, so that it does not stall in a tab that is not looked at (timers do).

import { Emitter } from "../client/emitter.js";
import { Capture } from "./capture.js";
import { RecordingProblem } from "./problem.js";
import { running } from "./running.js";

/** A minute of English, our own words, by our own voice. */
export const SAMPLE_TALK = new URL("./sample.mp3", import.meta.url).href;

/** What is played is still on its way through Web Audio when the element says that it is over. */
const TAIL_MS = 250;

/**
 * @typedef {object} Events
 * @property {Int16Array} chunk 1600 samples at 16 kHz, about ten times a second while it plays
 * @property {import("./meter.js").Level} level about 40 times a second while it plays
 * @property {undefined} finished it has been played to its end; `play()` begins again
 * @property {{ position: number, duration: number }} progress seconds, about four times a second; duration is 0 while unknown
 */

/** @extends {Emitter<Events>} */
export class Recording extends Emitter {
  #element = new Audio();
  #closed = new AbortController();
  #loaded;
  #url = "";
  #monitored;
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {Capture | undefined} */
  #capture;
  /** @type {GainNode | undefined} */
  #monitor;
  #playing = false;
  /** Times of play() and pause(): what was awaited for an earlier one is done no more. */
  #turn = 0;
  /** @type {MediaElementAudioSourceNode | undefined} */
  #source;

  /**
   * @param {File | Blob | string} source a file, or an address of the own origin
   * @param {{ monitor?: boolean }} [settings] `monitor`: the person hears it as well
   */
  constructor(source, { monitor = false } = {}) {
    super();
    // Fetched whole: Safari plays an address only from servers that send parts of a file.
    const blob = typeof source === "string" ? fetched(source, this.#closed.signal) : Promise.resolve(source);
    this.#loaded = blob.then((found) => this.#load(found));
    // Told by play().
    this.#loaded.catch(() => {});
    this.#monitored = monitor;
    this.#element.preload = "auto";
    this.#element.onended = () => this.#ended();
    // Broken in its midst it is over, too; where it did not even begin, play() tells, and ends this turn.
    this.#element.onerror = () => this.#playing && this.#ended();
    this.#element.ontimeupdate = () => this.emit("progress", { position: this.position, duration: this.duration });
  }

  /** Seconds; 0 while unknown. */
  get duration() {
    const { duration } = this.#element;
    return Number.isFinite(duration) ? duration : 0;
  }

  /** Seconds from the beginning. */
  get position() {
    return this.#element.currentTime;
  }

  get playing() {
    return this.#playing;
  }

  get monitor() {
    return this.#monitored;
  }

  set monitor(monitored) {
    this.#monitored = monitored;
    if (this.#monitor) this.#monitor.gain.value = monitored ? 1 : 0;
  }

  /** Begins, or goes on. To be called in a tap. Raises RecordingProblem. */
  async play() {
    if (!globalThis.AudioContext) throw new RecordingProblem("unsupported", "this browser has no Web Audio");
    const turn = ++this.#turn;
    this.#playing = true;
    try {
      const context = this.#context ?? this.#prepare();
      const allowed = running(context);
      // Awaited below; until then its refusal is nobody's.
      allowed.catch(() => {});
      await Promise.all([this.#loaded, this.#captured(context)]);
      if (turn !== this.#turn) return;
      if (this.#capture) this.#capture.open = true;
      await this.#element.play();
      await allowed;
    } catch (error) {
      // Else it was paused, or closed, meanwhile.
      if (turn !== this.#turn) return;
      this.pause();
      throw problem(error);
    }
  }

  pause() {
    this.#turn++;
    this.#playing = false;
    this.#element.pause();
    if (this.#capture) this.#capture.open = false;
    void this.#context?.suspend().catch(() => {});
  }

  /** Ends it for good. */
  close() {
    this.pause();
    this.#element.onended = this.#element.onerror = this.#element.ontimeupdate = null;
    this.#element.removeAttribute("src");
    this.#element.load();
    this.#capture?.close();
    this.#context?.close().catch(() => {});
    this.#context = this.#capture = this.#source = this.#monitor = undefined;
    this.#closed.abort();
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  /** @param {Blob} blob */
  #load(blob) {
    this.#closed.signal.throwIfAborted();
    this.#url = URL.createObjectURL(blob);
    this.#element.src = this.#url;
  }

  /** What must happen in the tap itself: a context that is made and an element that is told to load there may sound later. */
  #prepare() {
    const context = new AudioContext();
    this.#context = context;
    this.#source = context.createMediaElementSource(this.#element);
    this.#monitor = new GainNode(context, { gain: this.#monitored ? 1 : 0 });
    this.#source.connect(this.#monitor).connect(context.destination);
    // Nothing may be there to load yet; the tap counts all the same.
    if (!this.#url) this.#element.load();
    return context;
  }

  /** @param {AudioContext} context */
  async #captured(context) {
    if (!this.#capture) {
      const capture = await Capture.over(context, {
        chunk: (samples) => this.emit("chunk", samples),
        level: (level) => this.emit("level", level),
      });
      // Asked for twice, or closed meanwhile.
      if (this.#capture || context !== this.#context) capture.close();
      else {
        this.#capture = capture;
        this.#source?.connect(capture.node);
      }
    }
  }

  #ended() {
    const turn = this.#turn;
    setTimeout(() => {
      if (turn !== this.#turn) return;
      this.#capture?.flush();
      this.pause();
      this.emit("finished", undefined);
    }, TAIL_MS);
  }
}

/**
 * @param {string} address
 * @param {AbortSignal} signal
 */
async function fetched(address, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error(`the recording's address answers ${answer.status}`);
  return answer.blob();
}

/** @param {unknown} error */
function problem(error) {
  if (error instanceof DOMException && error.name === "NotAllowedError")
    return new RecordingProblem("not-allowed", "sound begins only in a tap", error);
  return new RecordingProblem("unreadable", "this browser finds no sound in it", error);
}
