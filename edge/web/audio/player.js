// What a listener hears. Hides Web Audio, the media element, and what phones want of both.
//
// Pieces of cues are scheduled as they come (`timetable.js` says when, `output.js` plays); no timer has a part in that, for a
// phone that is locked hardly runs any. The sound leaves Web Audio through a MediaStream into an <audio> element: that is
// what goes on when the screen is off, what iOS plays with the silent switch on, and what the lock screen's buttons mean.
// While paused the context stands still, and with it the timetable's clock. Where all that does not work, the same element
// plays the plain stream of `GET /listen/…` (`plain-stream.js`).

import { Emitter } from "../client/emitter.js";
import { LockScreen } from "./lock-screen.js";
import { Output } from "./output.js";
import { PlainStream } from "./plain-stream.js";
import { PlayerProblem } from "./problem.js";
import { Resampler } from "./resampler.js";
import { running } from "./running.js";
import { Timetable } from "./timetable.js";

const TICK_MS = 100;
const STATUS_SECONDS = 0.2;
/**
 * @typedef {object} Status
 * @property {boolean} playing a voice is heard now
 * @property {boolean} paused by `pause()`
 * @property {number} bufferedSeconds what is here and not yet heard
 * @property {number} behindSeconds how long ago the sound that is heard now, or next, came here; about a second is usual,
 *   for the server sends so much ahead
 * @property {string | undefined} cueId the cue that is heard now
 * @property {"web-audio" | "stream"} mode
 * @property {number} underruns times that a cue stopped because its sound came too late
 */

/**
 * @typedef {object} Events
 * @property {Status} status at most five a second, while it changes
 * @property {{ cueId: string }} started its sound begins
 * @property {{ cueId: string }} finished its sound was heard to the end; not said of cues that were dropped or skipped
 * @property {{ cues: number, seconds: number }} dropped too much waited: the oldest went
 * @property {{ active: boolean }} interrupted not active: the phone took the sound away (a call, headphones pulled out, the
 *   network in mode "stream"); nothing is lost, as while paused. Active: it is back. `resume()`, in a tap, asks for it
 * @property {{ action: "play" | "pause" | "stop" }} remote a button of the lock screen or of headphones; nothing has been done
 */

/** @extends {Emitter<Events>} */
export class Player extends Emitter {
  #element;
  #rate;
  #lockScreen;
  #plain;
  /** @type {Output | undefined} */
  #output;
  /** @type {Timetable<Float32Array>} */
  #table;
  /** @type {{ cueId: string, stream: Resampler } | undefined} */
  #resampling;
  /** @type {"web-audio" | "stream"} */
  #mode = "web-audio";
  #paused = false;
  #interrupted = false;
  #volume = 1;
  #muted = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;
  #told = "";
  #toldAt = Number.NEGATIVE_INFINITY;
  #closed = new AbortController();

  /**
   * @param {object} settings
   * @param {16000 | 48000} settings.sampleRate Hz, of the voice: other rates are heard too, but cost more
   * @param {HTMLAudioElement} settings.element
   * @param {string} [settings.title] for the lock screen
   * @param {string} [settings.artist] for the lock screen
   */
  constructor({ sampleRate, element, title = "", artist = "" }) {
    super();
    this.#rate = sampleRate;
    this.#element = element;
    this.#table = new Timetable(sampleRate);
    this.#lockScreen = new LockScreen({ title, artist }, (action) => this.emit("remote", { action }));
    this.#plain = new PlainStream(element, (active) => this.#interrupt(!active));
    // Without it an iPhone may want to show a player over the page.
    element.setAttribute("playsinline", "");
  }

  /**
   * Begins to play what comes from now on. To be called in a tap, and again in another when that failed: browsers let no
   * sound begin otherwise, and a context that was made or resumed outside one may stay silent on iOS. Also leads back from
   * `playStream`. Raises PlayerProblem.
   */
  async start() {
    if (!globalThis.AudioContext) throw new PlayerProblem("unsupported", "this browser has no Web Audio");
    const { context, stream } = this.#output ?? this.#build();
    this.#plain.stop();
    this.#mode = "web-audio";
    this.#paused = false;
    this.#applyVolume();
    // Both at once, before anything is waited for: afterwards it is no longer the tap.
    const allowed = running(context);
    if (this.#element.srcObject !== stream) this.#element.srcObject = stream;
    try {
      await Promise.all([this.#element.play(), allowed]);
    } catch (error) {
      allowed.catch(() => {});
      throw problem(error);
    }
    this.#begun();
  }

  /**
   * Plays an address of `GET /listen/…` instead; cues are passed over until `start()`. It is loaded again when it ends or
   * fails, until `pause()` or `close()`. To be called in a tap. Raises PlayerProblem.
   * @param {string} url
   */
  async playStream(url) {
    this.clear();
    this.#mode = "stream";
    this.#paused = false;
    this.#applyVolume();
    void this.#output?.context.suspend().catch(() => {});
    try {
      // Paused or tuned anew before it began: that is no failure, and not for this one to say how it stands.
      if (await this.#plain.play(url)) this.#begun();
    } catch (error) {
      this.#plain.stop();
      throw problem(error);
    }
  }

  /**
   * The form of the plain stream that this browser plays; "" when it plays none. MP3 first, though it has more bytes:
   * every browser knows it, and Chromium, which waits for 32 KB at a time, begins with it after 3 s instead of 11.
   * @returns {"ogg" | "mp3" | ""}
   */
  canPlayStream() {
    if (this.#element.canPlayType("audio/mpeg")) return "mp3";
    return this.#element.canPlayType("audio/ogg; codecs=opus") ? "ogg" : "";
  }

  /** A cue begins. Whatever comes before `start()` is passed over. @param {{ cueId: string }} cue */
  cueStart({ cueId }) {
    if (this.#output && this.#mode === "web-audio") this.#table.begin(cueId);
  }

  /**
   * The next samples of a cue.
   * @param {string} cueId
   * @param {Float32Array} samples mono, -1 to 1; kept, so not to be changed
   * @param {number} sampleRate Hz
   */
  audio(cueId, samples, sampleRate) {
    if (!this.#output || this.#mode !== "web-audio") return;
    this.#table.add(cueId, ...this.#matched(cueId, samples, sampleRate), wall());
    this.#arrange();
  }

  /** A cue has ended, whole or cut. @param {string} cueId */
  cueEnd(cueId) {
    if (!this.#output) return;
    if (this.#resampling?.cueId === cueId) {
      const rest = this.#resampling.stream.flush();
      this.#table.add(cueId, rest.length, rest, wall());
      this.#resampling = undefined;
    }
    this.#table.end(cueId);
    this.#arrange();
  }

  /** Stops at once. What comes waits, 30 s of it; then the oldest cues go. */
  pause() {
    if (this.#closed.signal.aborted) return;
    this.#paused = true;
    void this.#output?.context.suspend().catch(() => {});
    if (this.#mode === "stream") this.#plain.stop();
    else this.#element.pause();
    this.#lockScreen.show(false);
    this.#tick();
  }

  /** Goes on where it was. Where the browser wants a tap for that and this is none, `interrupted` follows. */
  resume() {
    if (this.#closed.signal.aborted) return;
    this.#paused = false;
    this.#lockScreen.show(true);
    // Paused again meanwhile is not refused.
    void this.#revive().catch((error) => error.name === "AbortError" || this.#interrupt(true));
    this.#arrange();
  }

  /** Leaves out what waits and plays on with what is said now; also from a pause. */
  skipToLive() {
    if (this.#mode === "stream") this.#plain.stop();
    else this.#output?.silence(this.#table.skip(this.#now()).pieces);
    this.resume();
  }

  /** Forgets all that waits, and the rest of the cue that is heard. */
  clear() {
    this.#resampling = undefined;
    this.#output?.silence(this.#table.clear(this.#now()));
    this.#tick();
  }

  /** Ends it for good. */
  async close() {
    this.#closed.abort();
    clearInterval(this.#ticking);
    this.#output?.silence(this.#table.clear(this.#now()));
    this.#plain.stop();
    this.#element.pause();
    this.#element.srcObject = null;
    this.#lockScreen.close();
    const output = this.#output;
    this.#output = undefined;
    await output?.context.close().catch(() => {});
  }

  /** 0 to 1. iPhones leave the loudness of mode "stream" to their buttons. */
  get volume() {
    return this.#volume;
  }

  set volume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#applyVolume();
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    this.#applyVolume();
  }

  /** What is heard in mode "web-audio"; undefined before `start()`. @returns {MediaStream | undefined} */
  get stream() {
    return this.#output?.stream;
  }

  /** @returns {Status} */
  get status() {
    const live = this.#mode === "stream";
    const table = this.#table.state(this.#now(), wall());
    const buffered = live ? this.#plain.bufferedSeconds : table.bufferedSeconds;
    const going = !this.#paused && !this.#interrupted;
    return {
      playing: going && (live ? this.#plain.playing : table.cueId !== undefined),
      paused: this.#paused,
      bufferedSeconds: buffered,
      behindSeconds: live ? buffered : table.behindSeconds,
      cueId: table.cueId,
      mode: this.#mode,
      underruns: table.underruns,
    };
  }

  #build() {
    const output = new Output(this.#rate);
    this.#output = output;
    this.#table = new Timetable(output.rate);
    this.#follow(output.context);
    return output;
  }

  #begun() {
    if (this.#closed.signal.aborted) return;
    this.#lockScreen.show(!this.#paused);
    this.#interrupt(false);
    this.#arrange();
  }

  /** @param {AudioContext} context */
  #follow(context) {
    const { signal } = this.#closed;
    const element = this.#element;
    context.addEventListener("statechange", () => this.#stateChanged(), { signal });
    // The browser pauses the element for a call or when headphones are pulled out, and may play it on afterwards.
    const ours = () => this.#mode === "web-audio" && !this.#paused;
    // This is told later: by then it may play again.
    element.addEventListener("pause", () => ours() && element.paused && this.#outage(), { signal });
    element.addEventListener("play", () => ours() && void context.resume().catch(() => {}), { signal });
    const seen = () => document.visibilityState === "visible" && this.#interrupted && !this.#paused;
    document.addEventListener("visibilitychange", () => seen() && void this.#revive().catch(() => {}), { signal });
  }

  #stateChanged() {
    const state = this.#output?.context.state;
    if (this.#mode !== "web-audio" || this.#paused || !state || state === "closed") return;
    // Safari has a state of its own, "interrupted", while a call rings; whatever is not running is silent.
    if (state !== "running") this.#interrupt(true);
    else if (!this.#element.paused) this.#interrupt(false);
  }

  #outage() {
    // So that nothing is lost meanwhile: what is not heard waits.
    void this.#output?.context.suspend().catch(() => {});
    this.#interrupt(true);
  }

  /** Plays on, if the browser lets it. */
  async #revive() {
    if (this.#mode === "web-audio") await Promise.all([this.#element.play(), this.#output?.context.resume()]);
    else if (!this.#plain.playing) await this.#plain.resume();
    this.#interrupt(false);
  }

  /** @param {boolean} interrupted */
  #interrupt(interrupted) {
    if (this.#closed.signal.aborted || this.#interrupted === interrupted) return;
    this.#interrupted = interrupted;
    this.emit("interrupted", { active: !interrupted });
    this.#arrange();
  }

  #now() {
    return this.#output?.now ?? 0;
  }

  /**
   * Samples at the context's rate.
   * @param {string} cueId
   * @param {Float32Array} samples
   * @param {number} rate
   * @returns {[count: number, samples: Float32Array]}
   */
  #matched(cueId, samples, rate) {
    const own = this.#output?.rate ?? rate;
    if (rate === own) return [samples.length, samples];
    if (this.#resampling?.cueId !== cueId) this.#resampling = { cueId, stream: new Resampler(rate, own) };
    const matched = this.#resampling.stream.process(samples);
    return [matched.length, matched];
  }

  /** Something came, or something may go on. */
  #arrange() {
    const taken = this.#table.shed(this.#now());
    this.#output?.silence(taken.pieces);
    if (taken.cues > 0) this.emit("dropped", { cues: taken.cues, seconds: taken.seconds });
    if (this.#output && this.#mode === "web-audio" && !this.#paused && !this.#interrupted) this.#schedule(this.#output);
    this.#tick();
  }

  /** @param {Output} output */
  #schedule(output) {
    this.#table.guardSeconds = output.guardSeconds;
    const placed = this.#table.plan(output.now);
    output.play(placed, () => this.#table.postpone(placed, output.now));
  }

  #applyVolume() {
    const loudness = this.#muted ? 0 : this.#volume;
    const ownSound = this.#mode === "web-audio";
    if (this.#output) this.#output.loudness = loudness;
    this.#element.volume = ownSound ? 1 : this.#volume;
    this.#element.muted = !ownSound && this.#muted;
  }

  /** Tells what has changed, now and as long as something does. */
  #tick() {
    if (this.#closed.signal.aborted) return;
    for (const { what, cueId } of this.#table.advance(this.#now())) this.emit(what, { cueId });
    const status = this.status;
    const { bufferedSeconds, behindSeconds } = status;
    const said = JSON.stringify({
      ...status,
      bufferedSeconds: bufferedSeconds.toFixed(1),
      behindSeconds: behindSeconds.toFixed(1),
    });
    const news = said !== this.#told;
    if (news && wall() - this.#toldAt >= STATUS_SECONDS) {
      this.#told = said;
      this.#toldAt = wall();
      this.emit("status", status);
    }
    if (news || bufferedSeconds > 0) this.#ticking ??= setInterval(() => this.#tick(), TICK_MS);
    else if (this.#mode === "web-audio" || this.#paused) this.#rest();
  }

  #rest() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }
}

/** Seconds of a clock that never stands still. */
function wall() {
  return performance.now() / 1000;
}

/** @param {unknown} error */
function problem(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return new PlayerProblem("not-allowed", "sound begins only in a tap", error);
  return new PlayerProblem("unplayable", "this browser plays no sound here", error);
}
