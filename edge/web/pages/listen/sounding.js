// What a listener hears of what comes: the voice piece by piece, the plain stream, or nothing. Hides that a browser may
// be able to do one, the other or neither, and that nothing may sound before the listener has tapped: what comes before
// that waits for a while, as in a pause.

import { Player } from "../../audio/player.js";
import { Emitter } from "../../client/emitter.js";

/** @import { Piece } from "./relay.js" */

/** @typedef {"voice" | "stream" | "off"} Sound what a listener can choose */

/**
 * @typedef {object} Events
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
   * Begins to sound; to be called in a tap, before anything is waited for.
   * @param {Sound} wanted
   * @param {(form: "ogg" | "mp3") => string} stream the address of the plain stream
   * @returns {Promise<Sound>} what this browser can do of it: "stream" instead of "voice", or "off"
   */
  async start(wanted, stream) {
    const waited = this.#waiting;
    this.stop();
    if (wanted === "off") return "off";
    this.#waiting = waited;
    this.#expecting = true;
    const player = this.#make();
    this.#player = player;
    const works = (wanted === "voice" && (await starts(player))) || (await plays(player, stream));
    if (this.#player !== player) return this.#kind; // Something else was wanted meanwhile.
    if (!works) {
      this.stop();
      return "off";
    }
    this.#kind = player.status.mode === "stream" ? "stream" : "voice";
    for (const piece of this.#waiting.splice(0)) if (this.#kind === "voice") this.#play(player, piece);
    return this.#kind;
  }

  /** Nothing sounds any more. */
  stop() {
    const player = this.#player;
    this.#player = undefined;
    this.#kind = "off";
    this.#expecting = false;
    this.#waiting = [];
    void player?.close();
  }

  /** @param {Piece} piece */
  receive(piece) {
    if (this.#player && this.#kind === "voice") this.#play(this.#player, piece);
    else if (this.#kind === "off" && this.#expecting) this.#wait(piece);
  }

  /** The plain stream is another now, as of another language. @param {(form: "ogg" | "mp3") => string} stream */
  async tune(stream) {
    if (this.#player && this.#kind === "stream") await plays(this.#player, stream);
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
