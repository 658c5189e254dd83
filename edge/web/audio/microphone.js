// A microphone as chunks for the speaker's socket. Hides permission, devices that come and go, and browsers that change
// nothing about a running microphone: other settings open it anew.

import { Emitter } from "../client/emitter.js";
import { Capture } from "./capture.js";
import { MicrophoneProblem, microphoneProblem } from "./problem.js";
import { running } from "./running.js";

/**
 * @typedef {object} Settings
 * @property {string} [deviceId] of `Microphone.list()`; the device's default when missing or empty
 * @property {boolean} [echoCancellation] true when missing, as the next two
 * @property {boolean} [noiseSuppression]
 * @property {boolean} [autoGainControl]
 */

/**
 * @typedef {object} Events
 * @property {Int16Array} chunk 1600 samples at 16 kHz, about ten times a second
 * @property {import("./meter.js").Level} level about 40 times a second
 * @property {{ reason: "unplugged" }} ended the device is gone; `open()` may be tried again
 * @property {{ active: boolean }} interrupted not active: the phone took the microphone away, for a call; active: it is back
 * @property {{ deviceId: string, label: string }[]} devices the list has changed
 */

/** @extends {Emitter<Events>} */
export class Microphone extends Emitter {
  /** @type {Required<Settings>} */
  #settings;
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {Capture | undefined} */
  #capture;
  /** @type {MediaStream | undefined} */
  #stream;
  /** @type {MediaStreamAudioSourceNode | undefined} */
  #source;
  /** @type {Promise<void>} */
  #changing = Promise.resolve();
  /** Times that a device was asked for: what an earlier time brings is not wanted any more. */
  #turn = 0;
  /** Ends what a stream's track tells. */
  #track = new AbortController();
  #closed = new AbortController();

  /** @param {Settings} [settings] */
  constructor(settings = {}) {
    super();
    this.#settings = {
      deviceId: "",
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      ...settings,
    };
  }

  /**
   * The microphones there are. Without permission browsers say how many, but not their names.
   * @returns {Promise<{ deviceId: string, label: string }[]>}
   */
  static async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter(({ kind }) => kind === "audioinput").map(({ deviceId, label }) => ({ deviceId, label }));
  }

  /** Rate of the device, Hz; undefined while closed. */
  get deviceRate() {
    return this.#context?.sampleRate;
  }

  /** The device that is open, as the browser says it: its id is not empty even if the default was asked for. */
  get device() {
    const track = this.#stream?.getAudioTracks()[0];
    return track && { deviceId: track.getSettings().deviceId ?? "", label: track.label };
  }

  /**
   * Asks for permission, where that was not given, and begins. To be called in a tap: Safari wants it so.
   * Raises MicrophoneProblem.
   */
  async open() {
    this.close();
    const closed = new AbortController();
    const { signal } = closed;
    this.#closed = closed;
    try {
      await this.#begin(signal);
    } catch (error) {
      if (closed === this.#closed) this.close();
      throw error instanceof MicrophoneProblem ? error : microphoneProblem(error);
    }
    const changed = async () => this.emit("devices", await Microphone.list());
    navigator.mediaDevices.addEventListener("devicechange", changed, { signal });
    // After a call a phone may leave the context as it is until the page is looked at.
    document.addEventListener("visibilitychange", () => void this.#context?.resume().catch(() => {}), { signal });
  }

  /**
   * Takes other settings, those that are named; an open microphone is opened anew, which costs some tenths of a second.
   * When that fails the ones before hold again. Raises MicrophoneProblem.
   * @param {Settings} settings
   */
  setSettings(settings) {
    // One after the other: a browser that is asked twice at once may give either.
    const change = this.#changing.catch(() => {}).then(() => this.#change(settings));
    this.#changing = change;
    return change;
  }

  /** Ends it; the browser's sign that the page listens goes out. */
  close() {
    this.#closed.abort();
    this.#disconnect();
    this.#capture?.close();
    this.#context?.close().catch(() => {});
    this.#capture = this.#context = undefined;
  }

  /** @param {Settings} settings */
  async #change(settings) {
    const before = this.#settings;
    this.#settings = { ...before, ...settings };
    if (!this.#context) return;
    try {
      await this.#connect();
    } catch (error) {
      this.#settings = before;
      await this.#connect().catch(() => this.#lost());
      throw microphoneProblem(error);
    }
  }

  /** @param {AbortSignal} closed */
  async #begin(closed) {
    if (!globalThis.isSecureContext)
      throw new MicrophoneProblem("insecure", "a microphone needs https, or this machine");
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode)
      throw new MicrophoneProblem("unsupported", "this browser gives no microphone to pages");
    // In the tap, before anything is waited for. At the device's own rate: Firefox mixes no two, and we resample better.
    const context = new AudioContext({ latencyHint: "interactive" });
    this.#context = context;
    void context.resume().catch(() => {});
    await this.#connect();
    if (closed.aborted) throw new MicrophoneProblem("closed", "it was closed while it was opened");
    await running(context);
  }

  async #connect() {
    const context = this.#context;
    if (!context) return;
    const turn = ++this.#turn;
    this.#disconnect();
    const { deviceId, ...processing } = this.#settings;
    const audio = { ...processing, channelCount: 1, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    // Closed, or other settings were taken, while the person thought about the permission.
    if (context !== this.#context || turn !== this.#turn) return stop(stream);
    const capture = this.#capture ?? (await this.#capturing(context, stream));
    if (context !== this.#context || turn !== this.#turn) {
      if (capture !== this.#capture) capture.close();
      return stop(stream);
    }
    this.#capture = capture;
    this.#stream = stream;
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(capture.node);
    this.#follow(stream.getAudioTracks()[0]);
  }

  /**
   * @param {AudioContext} context
   * @param {MediaStream} stream
   */
  async #capturing(context, stream) {
    try {
      return await Capture.over(context, {
        chunk: (samples) => this.emit("chunk", samples),
        level: (level) => this.emit("level", level),
      });
    } catch (error) {
      stop(stream);
      throw error;
    }
  }

  /** @param {MediaStreamTrack} track */
  #follow(track) {
    this.#track = new AbortController();
    const { signal } = this.#track;
    track.addEventListener("ended", () => this.#lost(), { signal });
    track.addEventListener("mute", () => this.emit("interrupted", { active: false }), { signal });
    const back = () => {
      void this.#context?.resume().catch(() => {});
      this.emit("interrupted", { active: true });
    };
    track.addEventListener("unmute", back, { signal });
  }

  #lost() {
    this.close();
    this.emit("ended", { reason: "unplugged" });
  }

  #disconnect() {
    this.#track.abort();
    this.#source?.disconnect();
    if (this.#stream) stop(this.#stream);
    this.#source = this.#stream = undefined;
  }
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
