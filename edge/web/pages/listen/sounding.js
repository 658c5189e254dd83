// What a listener hears of what comes: the voice piece by piece, the plain stream, or nothing. Hides that a browser may
// be able to do one, the other or neither, and that nothing may sound before the listener has tapped: what comes before
// that waits for a while, as in a pause.

import { Player } from "../../audio/player.js";
import { Emitter } from "../../client/emitter.js";

/** @import { Piece } from "./relay.js" */

/** @typedef {"voice" | "stream" | "off"} Sound what a listener can choose */

/**
 * @typedef {object} Events
 * @property {Sound} kind what sounds from now on
 * @property {import("../../audio/player.js").Status} status
 * @property {{cues: number, seconds: number}} dropped
 * @property {{active: boolean}} interrupted
 * @property {{action: "play" | "pause" | "stop"}} remote
 */

/** Seconds of sound that wait for the first tap. Beyond that the oldest cue goes, whole. */
const MOST_WAITING = 10;

/** @extends {Emitter<Events>} */
export class Sounding extends Emitter {
  /** @type {Player | undefined} */
  #player;
  /** @type {Sound} */
  #kind = "off";
  /** @type {Piece[]} */
  #waiting = [];
  #expecting = false;
  #volume = 1;
  #muted = false;
  #settings;

  /**
   * @param {{element: HTMLAudioElement, title: string, artist: string, sampleRate: 16000 | 48000}} settings
   */
  constructor(settings) {
    super();
    this.#settings = settings;
  }

  /** What sounds now. */
  get kind() {
    return this.#kind;
  }

  get paused() {
    return this.#player?.status.paused ?? false;
  }

  /** Whether something is still to be heard. */
  get sounds() {
    const status = this.#player?.status;
    if (status === undefined || status.mode === "stream") return status?.playing ?? false;
    return status.playing || status.bufferedSeconds > 0;
  }

  /** @param {number} volume 0..1 */
  set volume(volume) {
    this.#volume = volume;
    if (this.#player) this.#player.volume = volume;
  }

  /** @param {boolean} muted */
  set muted(muted) {
    this.#muted = muted;
    if (this.#player) this.#player.muted = muted;
  }

  /** A tap is expected: what comes until then waits. */
  expect() {
    this.#expecting = true;
  }

  /**
   * Begins to sound; to be called in a tap, before anything is waited for. "kind" tells what this browser does of it:
   * "stream" instead of "voice", and at once, for a stream takes some seconds to be heard; or "off".
   * @param {Sound} wanted
   * @param {(form: "ogg" | "mp3") => string} stream the address of the plain stream
   * @returns {Promise<boolean>} false: nothing sounds, for this browser cannot
   */
  async start(wanted, stream) {
    const waited = this.#waiting;
    this.#leave();
    if (wanted === "off") {
      this.#become("off");
      return true;
    }
    this.#waiting = waited;
    this.#expecting = true;
    const player = this.#make();
    this.#player = player;
    const voice = wanted === "voice" && (await starts(player));
    if (this.#player !== player) return true; // Something else was wanted meanwhile.
    this.#become(voice ? "voice" : "stream");
    for (const piece of this.#waiting.splice(0)) this.receive(piece);
    if (voice || (await plays(player, stream)) || this.#player !== player) return true;
    this.stop();
    return false;
  }

  /** Nothing sounds any more. */
  stop() {
    this.#leave();
    this.#become("off");
  }

  /** @param {Piece} piece */
  receive(piece) {
    if (this.#player && this.#kind === "voice") this.#play(this.#player, piece);
    else if (this.#kind === "off" && this.#expecting) this.#wait(piece);
  }

  /** The plain stream is another now, as of another language. @param {(form: "ogg" | "mp3") => string} stream */
  async tune(stream) {
    if (this.#kind === "stream") await this.start("stream", stream);
  }

  pause() {
    this.#player?.pause();
  }

  /** To be called in a tap where the phone took the sound away. */
  resume() {
    this.#player?.resume();
  }

  skipToLive() {
    this.#player?.skipToLive();
  }

  /** @param {Sound} kind */
  #become(kind) {
    this.#kind = kind;
    this.emit("kind", kind);
  }

  #leave() {
    const player = this.#player;
    this.#player = undefined;
    this.#kind = "off";
    this.#expecting = false;
    this.#waiting = [];
    void player?.close();
  }

  #make() {
    const player = new Player(this.#settings);
    const mine = (/** @type {() => void} */ act) => {
      if (player === this.#player) act();
    };
    player.volume = this.#volume;
    player.muted = this.#muted;
    player.on("status", (status) => mine(() => this.emit("status", status)));
    player.on("dropped", (told) => mine(() => this.emit("dropped", told)));
    player.on("interrupted", (told) => mine(() => this.emit("interrupted", told)));
    player.on("remote", (told) => mine(() => this.emit("remote", told)));
    return player;
  }

  /** @param {Player} player @param {Piece} piece */
  #play(player, piece) {
    if (piece.kind === "start") player.cueStart(piece.cue);
    else if (piece.kind === "audio") player.audio(piece.cueId, piece.samples, piece.sampleRate);
    else player.cueEnd(piece.cueId);
  }

  /** @param {Piece} piece */
  #wait(piece) {
    this.#waiting.push(piece);
    while (seconds(this.#waiting) > MOST_WAITING) {
      const next = this.#waiting.findIndex((each, place) => place > 0 && each.kind === "start");
      this.#waiting.splice(0, next < 0 ? this.#waiting.length : next);
    }
  }
}

/** @param {readonly Piece[]} pieces */
function seconds(pieces) {
  return pieces.reduce((sum, piece) => sum + (piece.kind === "audio" ? piece.samples.length / piece.sampleRate : 0), 0);
}

/** @param {Player} player */
async function starts(player) {
  try {
    await player.start();
    return true;
  } catch {
    return false; // No Web Audio, or the browser lets no sound begin.
  }
}

/** @param {Player} player @param {(form: "ogg" | "mp3") => string} stream */
async function plays(player, stream) {
  const form = player.canPlayStream();
  if (!form) return false;
  try {
    await player.playStream(stream(form));
    return true;
  } catch {
    return false;
  }
}
