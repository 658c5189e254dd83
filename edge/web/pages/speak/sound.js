// Where the sound comes from: a microphone, a file, or the sample talk. Hides that they are made, held and ended in
// different ways: a microphone goes on to be measured while it is held, a recording stands still.

import { Microphone } from "../../audio/microphone.js";
import { Recording, SAMPLE_TALK } from "../../audio/recording.js";

/** @import { Level } from "../../audio/meter.js" */

/**
 * @typedef {"microphone" | "file" | "sample"} Kind
 * @typedef {{deviceId: string, echoCancellation: boolean, noiseSuppression: boolean, autoGainControl: boolean}} Settings
 *   of a microphone; an empty `deviceId` is the system's own choice
 * @typedef {object} Handlers
 * @property {(samples: Int16Array) => void} chunk 100 ms, 16 kHz, mono
 * @property {(level: Level) => void} level at least 30 a second
 * @property {(reason: "unplugged" | "finished") => void} over nothing comes any more; after `finished` `start` plays again
 * @property {(active: boolean) => void} interrupted a phone took the microphone away for a call; or gives it back
 * @property {(at: {position: number, duration: number}) => void} progress of a recording, seconds; duration 0: unknown
 * @property {(error: unknown) => void} failed a recording cannot be played
 */

export class Sound {
  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {Kind | undefined} */
    this.kind = undefined;
    /** @type {Microphone | undefined} */
    this.microphone = undefined;
    /** @type {Recording | undefined} */
    this.recording = undefined;
    this.standing = this.started = false;
  }

  /**
   * Opens a microphone instead of what was open; it is measured from now on. To be called in a tap.
   *
   * @param {Settings} settings
   * @throws {import("../../audio/problem.js").MicrophoneProblem}
   */
  async openMicrophone(settings) {
    this.close();
    const microphone = new Microphone(settings);
    this.microphone = microphone;
    this.kind = "microphone";
    const { chunk, level, over, interrupted } = this.handlers;
    microphone.on("chunk", chunk);
    microphone.on("level", level);
    microphone.on("interrupted", ({ active }) => interrupted(active));
    microphone.on("ended", () => {
      if (this.microphone === microphone) this.microphone = undefined;
      over("unplugged");
    });
    try {
      await microphone.open();
    } catch (error) {
      // Whatever was opened meanwhile instead is not ours to close.
      if (this.microphone === microphone) this.close();
      throw error;
    }
  }

  /**
   * Takes a recording instead of what was open; it waits for `start`. To be called in a tap: browsers let only those
   * elements play later that were to play in one.
   *
   * @param {File | undefined} file the sample talk where left out
   */
  openRecording(file) {
    this.close();
    const recording = new Recording(file ?? SAMPLE_TALK);
    this.recording = recording;
    this.kind = file ? "file" : "sample";
    const { chunk, level, over, progress } = this.handlers;
    recording.on("chunk", chunk);
    recording.on("level", level);
    recording.on("progress", progress);
    recording.on("finished", () => {
      // Who pauses and goes on afterwards does not mean it to begin again before all listeners.
      this.started = false;
      over("finished");
    });
    recording.play().catch(() => {}); // Ended in the next line; what is wrong with it `start` tells.
    recording.pause();
  }

  /** From now on a recording plays, unless it is to stand still. */
  start() {
    this.started = true;
    this.#play();
  }

  /** Whether a recording stands still, as in a pause. @param {boolean} still */
  stand(still) {
    if (this.standing === still) return;
    this.standing = still;
    if (still) this.recording?.pause();
    else this.#play();
  }

  /**
   * @param {Settings} settings
   * @throws {import("../../audio/problem.js").MicrophoneProblem} the ones before then hold
   */
  async setSettings(settings) {
    await this.microphone?.setSettings(settings);
  }

  /** Ends what is open; the browser's sign that the page listens goes out. */
  close() {
    const open = this.microphone ?? this.recording;
    this.microphone = this.recording = this.kind = undefined;
    this.started = this.standing = false;
    open?.close();
  }

  #play() {
    if (!this.started || this.standing) return;
    this.recording?.play().catch((error) => this.handlers.failed(error));
  }
}

/**
 * Whether the browser can play a file, and how long it is: better known before anybody listens.
 *
 * @param {File} file
 * @returns {Promise<number>} seconds; 0 where the file does not say
 * @throws {Error} named "unreadable"
 */
export function lengthOf(file) {
  const element = new Audio();
  const url = URL.createObjectURL(file);
  return new Promise((resolve, reject) => {
    element.addEventListener("loadedmetadata", () => resolve(Number.isFinite(element.duration) ? element.duration : 0));
    element.addEventListener("error", () =>
      reject(Object.assign(new Error("no sound that can be played"), { name: "unreadable" })),
    );
    element.preload = "metadata";
    element.src = url;
  }).finally(() => {
    element.removeAttribute("src");
    URL.revokeObjectURL(url);
  });
}
