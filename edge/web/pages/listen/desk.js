// The sound at the listener's hand: what is wanted of it, what this browser does, and the controls that go with it. Hides
// when which button is there, and that what is still in hand is heard after the end.

import { Emitter } from "../../client/emitter.js";
import { keepAwake } from "../../interface/wakelock.js";
import { Controls } from "./controls.js";
import { Sounding } from "./sounding.js";

/** @import { Preferences } from "../../interface/preferences.js" */
/** @import { Piece } from "./relay.js" */
/** @import { Chosen } from "./settings.js" */
/** @import { Sound } from "./sounding.js" */
/** @import { Facts } from "./standing.js" */

/** How often it is looked whether the rest has been heard. */
const REST_MS = 200;

/**
 * @typedef {object} Events
 * @property {Partial<Facts>} facts how it stands with the sound
 * @property {{paused: boolean}} playback the listener paused, or went on
 * @property {Sound} wanted the listener asked for sound; in the tap
 * @property {"stream" | "off"} unable this browser can do only that
 * @property {{cues: number, seconds: number}} dropped
 */

/** @extends {Emitter<Events>} */
export class Desk extends Emitter {
  #controls = new Controls();
  /** @type {Sound} */
  #wanted = "voice";
  #silent = false;
  #muted = false;
  #paused = false;
  #interrupted = false;
  /** The address changed while nothing was played. */
  #untuned = false;
  #ended = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #resting;
  #letSleep = () => {};
  #sounding;
  #preferences;
  #stream;

  /**
   * @param {ConstructorParameters<typeof Sounding>[0]} settings
   * @param {Preferences<Chosen>} preferences
   * @param {(form: "ogg" | "mp3") => string} stream the address of the plain stream
   */
  constructor(settings, preferences, stream) {
    super();
    this.#sounding = new Sounding(settings);
    this.#preferences = preferences;
    this.#stream = stream;
    this.#followSounding();
    this.#followControls();
    this.#applyLoudness();
    preferences.on("change", () => this.#applyLoudness());
  }

  /** What the listener wants to hear. */
  get wanted() {
    return this.#wanted;
  }

  /** What sounds, which may be less. */
  get kind() {
    return this.#sounding.kind;
  }

  /** Begins to sound, or ceases to; in a tap. @param {Sound} wanted */
  async start(wanted) {
    this.#wanted = wanted;
    if (this.#ended) {
      if (wanted === "off") this.stop();
      return;
    }
    this.#silent = false;
    this.#stands({ paused: false, interrupted: false });
    if (!(await this.#sounding.start(wanted, this.#stream))) this.emit("unable", "off");
  }

  /** Sound is wanted, but there was no tap yet. @param {Sound} wanted */
  awaitTap(wanted) {
    this.#wanted = wanted;
    this.#silent = wanted !== "off";
    if (this.#silent) this.#sounding.expect();
    this.#show();
  }

  /** @param {Piece} piece */
  receive(piece) {
    this.#sounding.receive(piece);
  }

  /** The plain stream has another address now; one that is paused goes there when it goes on. */
  async tune() {
    this.#untuned = this.#stopped && this.#sounding.kind === "stream";
    if (!this.#untuned) await this.#sounding.tune(this.#stream);
  }

  togglePause() {
    if (this.#sounding.kind !== "off") this.#pause(!this.#stopped);
  }

  toggleMute() {
    // Not kept: who comes next week, or listens in another tab, would hear nothing and not know why.
    this.#muted = !this.#muted;
    this.#applyLoudness();
  }

  skipToLive() {
    if (this.#sounding.kind === "off") return;
    const waited = this.#paused;
    this.#sounding.skipToLive();
    this.#stands({ paused: false, interrupted: false });
    if (waited) this.emit("playback", { paused: false });
  }

  /** Nothing sounds any more. */
  stop() {
    clearInterval(this.#resting);
    this.#sounding.stop();
    this.#letSleep();
  }

  /** Nothing more comes: what is in hand is heard, then it is quiet. */
  finish() {
    this.#ended = true;
    this.#silent = false;
    this.#show();
    this.#resting ??= setInterval(() => this.#sounding.sounds || this.stop(), REST_MS);
  }

  get #stopped() {
    return this.#paused || this.#interrupted;
  }

  /** @param {boolean} paused */
  #pause(paused) {
    if (paused) this.#sounding.pause();
    else if (this.#untuned) this.#sounding.tune(this.#stream);
    else this.#sounding.resume();
    this.#untuned &&= paused;
    this.#stands(paused ? { paused } : { paused, interrupted: false });
    this.emit("playback", { paused });
  }

  /** @param {{paused?: boolean, interrupted?: boolean}} change */
  #stands({ paused = this.#paused, interrupted = this.#interrupted }) {
    this.#paused = paused;
    this.#interrupted = interrupted;
    this.#controls.paused = this.#stopped;
    this.emit("facts", { paused, interrupted, silent: this.#silent });
  }

  #show() {
    const { kind } = this.#sounding;
    const soundOn = this.#silent ? "controls.soundTap" : "controls.soundOn";
    this.#controls.mode = {
      shown: kind !== "off",
      live: kind === "voice" && !this.#ended,
      soundOn: kind === "off" && !this.#ended ? soundOn : undefined,
    };
    this.emit("facts", { stream: kind === "stream", silent: this.#silent });
    // Who reads wants the screen on, too.
    this.#letSleep();
    this.#letSleep = kind === "off" && this.#ended ? () => {} : keepAwake();
  }

  #followSounding() {
    const sounding = this.#sounding;
    sounding.on("kind", (kind) => {
      this.#show();
      if (kind === "stream" && this.#wanted === "voice") this.emit("unable", "stream");
    });
    sounding.on("status", (status) => {
      this.#controls.status = status;
      if (status.paused !== this.#paused) this.#stands({ paused: status.paused });
    });
    sounding.on("interrupted", ({ active }) => this.#stands({ interrupted: !active }));
    sounding.on("dropped", (told) => this.emit("dropped", told));
    sounding.on("remote", ({ action }) => this.#pause(action !== "play"));
  }

  #followControls() {
    this.#controls.on("pause", (paused) => this.#pause(paused));
    this.#controls.on("live", () => this.skipToLive());
    this.#controls.on("muted", () => this.toggleMute());
    this.#controls.on("volume", (volume) => this.#preferences.set("volume", volume));
    this.#controls.on("soundOn", () => this.emit("wanted", this.#wanted === "off" ? "voice" : this.#wanted));
  }

  #applyLoudness() {
    const volume = this.#preferences.get("volume");
    this.#controls.volume = volume;
    this.#controls.muted = this.#muted;
    this.#sounding.volume = volume;
    this.#sounding.muted = this.#muted;
  }
}
