// A talk while it goes on: what the speaker wants of it, what the server knows of that, and what is sent. Holds no
// element. Hides that the wish comes first: who presses Mute is not heard from that moment on, whatever the connection
// does, and the server is told again after a loss.

import { Emitter } from "../../client/emitter.js";
import { Speaker } from "../../client.js";
import { stageOf } from "./stage.js";

/** @import { BroadcastState } from "../../client/messages.js" */
/** @import { Problem } from "../../client.js" */
/** @import { Sound } from "./sound.js" */
/** @import { Stage } from "./stage.js" */

/** How often the server is asked how many listen and how far behind they are, while the page is seen. */
const ASK_EVERY_MS = 10_000;

/**
 * @typedef {{status: "connecting" | "open" | "waiting" | "offline" | "closed", problem?: Problem, retryAt?: number}} Connection
 * @typedef {object} Events
 * @property {Stage} stage after anything that may have changed it, also when it is the same
 * @property {Connection} connection
 * @property {{reason: string}} ended once; nothing follows
 * @property {Problem} refused a switch did not reach the server, or was refused
 */

/** @extends {Emitter<Events>} */
export class Broadcast extends Emitter {
  /**
   * @param {Speaker} speaker opened or about to be
   * @param {Sound} sound
   */
  constructor(speaker, sound) {
    super();
    this.speaker = speaker;
    this.sound = sound;
    this.wish = { isPaused: false, isMuted: false, volume: 1 };
    /** @type {BroadcastState} what the server said last */
    this.known = { isActive: true, isPaused: false, isMuted: false, volume: 1 };
    /** @type {Connection} */
    this.connection = { status: "connecting" };
    this.opened = this.ending = this.ended = this.sourceLost = false;
    this.telling = false;
    this.asking = setInterval(() => this.ask(), ASK_EVERY_MS);
    this.closing = new AbortController();
    // Who looks again wants to know how it stands now.
    document.addEventListener("visibilitychange", () => this.#seen(), { signal: this.closing.signal });
    speaker.on("state", (state) => this.#heard(state));
    speaker.on("connection", (connection) => this.#connected(connection));
    speaker.on("ended", (/** @type {{reason: string}} */ { reason }) => this.#over(reason));
  }

  /** @returns {Stage} */
  get stage() {
    const { isPaused: paused, isMuted: muted, volume } = this.wish;
    const { opened, ending, ended, sourceLost } = this;
    return stageOf({ opened, ending, ended, sourceLost, paused, muted, volume, connection: this.connection.status });
  }

  /** The session exists: what the sound gives is sent from now on. @param {BroadcastState} [state] of a resumed one */
  begin(state) {
    this.opened = true;
    this.connection = { status: "open" };
    if (state) {
      this.known = state;
      this.wish = { isPaused: state.isPaused, isMuted: state.isMuted, volume: state.volume };
    }
    this.#hold();
    this.emit("stage", this.stage);
    this.ask();
  }

  /** A chunk of sound. @param {Int16Array} samples */
  send(samples) {
    if (!this.opened || this.ended || this.ending || this.silenced) return;
    this.speaker.send(samples);
  }

  /** Whether nothing is to be sent. */
  get silenced() {
    return this.wish.isPaused || this.wish.isMuted || this.wish.volume === 0;
  }

  togglePause() {
    this.#want({ isPaused: !this.wish.isPaused });
  }

  toggleMute() {
    this.#want({ isMuted: !this.wish.isMuted });
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this.#want({ volume });
  }

  /** The microphone is gone, the recording over; or there is sound again. @param {boolean} lost */
  setSourceLost(lost) {
    this.sourceLost = lost;
    this.emit("stage", this.stage);
  }

  /** Asks for a status, if somebody looks. */
  ask() {
    if (this.opened && !this.ended && this.connection.status === "open" && !document.hidden) {
      this.speaker.requestStatus().catch(() => {}); // The next one comes soon, and pushed ones as well.
    }
  }

  /** After sleep a connection may be dead, or wait for its next try longer than the session does for its speaker. */
  #seen() {
    if (document.hidden || !this.opened) return;
    this.speaker.retryNow();
    this.ask();
  }

  /** What was said is heard to its end; `ended` comes then. */
  async end() {
    if (this.ending || this.ended) return;
    this.ending = true;
    this.emit("stage", this.stage);
    try {
      await this.speaker.end();
      this.#over("speaker");
    } catch (error) {
      if (this.ended) return;
      this.ending = false;
      this.emit("refused", /** @type {Problem} */ (error));
      this.emit("stage", this.stage);
    }
  }

  /** Ends timers and handlers, and leaves the session, which the server then keeps for 30 s unless it has ended. */
  close() {
    this.closing.abort();
    clearInterval(this.asking);
    this.speaker.close();
  }

  /** @param {Partial<Broadcast["wish"]>} change */
  #want(change) {
    Object.assign(this.wish, change);
    this.#hold();
    this.emit("stage", this.stage);
    void this.#tell();
  }

  /** Tells the server until it knows what is wished: one after the other, so that the last wish is the last word. */
  async #tell() {
    if (this.telling || !this.opened || this.connection.status !== "open") return;
    this.telling = true;
    try {
      for (let left = 10; left > 0 && !this.ended && (await this.#tellOne()); left -= 1);
    } catch (error) {
      // Lost on the way: told again with the next connection. Refused: said.
      if (this.connection.status === "open" && !this.ended) this.emit("refused", /** @type {Problem} */ (error));
    } finally {
      this.telling = false;
    }
  }

  /** @returns {Promise<boolean>} whether there was something to tell */
  async #tellOne() {
    const { wish, known, speaker } = this;
    if (wish.isMuted !== known.isMuted) {
      const isMuted = wish.isMuted;
      await (isMuted ? speaker.mute() : speaker.unmute());
      this.known = { ...this.known, isMuted };
    } else if (wish.isPaused !== known.isPaused) {
      const isPaused = wish.isPaused;
      await (isPaused ? speaker.pause() : speaker.resume());
      this.known = { ...this.known, isPaused };
    } else if (wish.volume !== known.volume) {
      const volume = wish.volume;
      await speaker.setVolume(volume);
      this.known = { ...this.known, volume };
    } else return false;
    return true;
  }

  #hold() {
    this.sound.stand(this.wish.isPaused);
  }

  /** @param {BroadcastState} state */
  #heard(state) {
    this.known = state;
    // Another device of this speaker may have moved a switch; while we tell our own wish, the answers are ours.
    if (this.opened && !this.telling) void this.#tell();
  }

  /** @param {Connection} connection */
  #connected(connection) {
    this.connection = connection;
    this.emit("connection", connection);
    this.emit("stage", this.stage);
    if (connection.status === "open") {
      void this.#tell();
      this.ask();
    }
    if (connection.status === "closed" && this.opened) this.#over(connection.problem?.code ?? "");
  }

  /** @param {string} reason */
  #over(reason) {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.asking);
    this.emit("stage", this.stage);
    this.emit("ended", { reason });
  }
}
