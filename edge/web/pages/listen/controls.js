// The controls of the sound: pause, mute, volume, how far behind one is, and the way back to what is said now.

import { Emitter } from "../../client/emitter.js";
import { announce } from "../../interface/announcer.js";
import { part } from "../../interface/elements.js";
import { on, seconds, t } from "../../interface/i18n.js";

/** @import { Status } from "../../audio/player.js" */

/** The server sends a second ahead, and a cue waits for a quarter of a second: so much is not behind. */
const LIVE_SECONDS = 3;
/** How much a pause keeps. */
const MOST_SECONDS = 30;

/**
 * What is shown of the sound. `live`: there is something to be behind of. `soundOn`: a button is there to begin it, with these words.
 * @typedef {{shown: boolean, live: boolean, soundOn?: "controls.soundOn" | "controls.soundTap"}} Mode
 */

/** @extends {Emitter<{pause: boolean, live: undefined, muted: boolean, volume: number, soundOn: undefined}>} */
export class Controls extends Emitter {
  #playing = part(document, "playing", HTMLElement);
  #pause = part(document, "pause", HTMLButtonElement);
  #pauseWords = part(document, "pause-words", HTMLElement);
  #mute = part(document, "mute", HTMLButtonElement);
  #volume = part(document, "volume", HTMLInputElement);
  #behind = part(document, "behind", HTMLElement);
  #behindWords = part(document, "behind-words", HTMLElement);
  #gauge = part(document, "gauge", HTMLElement);
  #bar = part(document, "gauge-bar", HTMLElement);
  #soundOn = part(document, "sound-on", HTMLButtonElement);
  #soundOnWords = part(document, "sound-on-words", HTMLElement);
  #paused = false;
  #muted = false;
  /** @type {Status | undefined} */
  #status;
  /** @type {Mode} */
  #mode = { shown: false, live: false };

  constructor() {
    super();
    this.#pause.addEventListener("click", () => this.emit("pause", !this.#paused));
    this.#mute.addEventListener("click", () => this.emit("muted", !this.#muted));
    this.#volume.addEventListener("input", () => this.emit("volume", this.#volume.valueAsNumber / 100));
    part(document, "live", HTMLButtonElement).addEventListener("click", () => this.#skip());
    this.#soundOn.addEventListener("click", () => this.emit("soundOn", undefined));
    on("change", () => this.#say());
  }

  /** @param {Mode} mode */
  set mode(mode) {
    this.#mode = mode;
    this.#playing.hidden = !mode.shown;
    this.#soundOn.hidden = mode.soundOn === undefined;
    this.#say();
  }

  /** @param {boolean} paused */
  set paused(paused) {
    this.#paused = paused;
    this.#say();
  }

  /** @param {boolean} muted */
  set muted(muted) {
    const told = this.#muted !== muted && !this.#playing.hidden;
    this.#muted = muted;
    this.#say();
    if (told) announce(t(muted ? "controls.muted" : "controls.unmuted"));
  }

  /** @param {number} volume 0..1 */
  set volume(volume) {
    this.#volume.valueAsNumber = Math.round(volume * 100);
  }

  /** @param {Status | undefined} status */
  set status(status) {
    this.#status = status;
    this.#measure();
  }

  #skip() {
    this.emit("live", undefined);
    // The button goes; who used it is not left nowhere.
    this.#pause.focus();
  }

  #measure() {
    const { bufferedSeconds = 0, behindSeconds = 0 } = this.#status ?? {};
    const behind = Math.max(behindSeconds, this.#paused ? bufferedSeconds : 0);
    this.#playing.dataset.behind = behind.toFixed(1);
    this.#playing.dataset.buffered = bufferedSeconds.toFixed(1);
    this.#behind.hidden = !this.#mode.live || !(this.#paused || behind > LIVE_SECONDS);
    if (this.#behind.hidden) return;
    const inHand = Math.min(MOST_SECONDS, bufferedSeconds);
    this.#behindWords.textContent = t("controls.behind", { time: length(behind) });
    this.#gauge.setAttribute("aria-valuenow", inHand.toFixed(0));
    this.#gauge.setAttribute("aria-valuetext", t("controls.inHand", { time: length(inHand) }));
    this.#bar.style.inlineSize = `${(100 * inHand) / MOST_SECONDS}%`;
  }

  #say() {
    this.#pause.dataset.state = this.#paused ? "paused" : "playing";
    this.#pauseWords.textContent = t(this.#paused ? "controls.resume" : "controls.pause");
    this.#mute.setAttribute("aria-pressed", String(this.#muted));
    this.#mute.title = t(this.#muted ? "controls.unmute" : "controls.mute");
    if (this.#mode.soundOn) this.#soundOnWords.textContent = t(this.#mode.soundOn);
    this.#measure();
  }
}

/** In whole seconds, for tenths only flicker. @param {number} time */
function length(time) {
  return seconds(Math.round(time), { display: "short" });
}
