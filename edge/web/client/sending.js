/**
 * Sends the speaker's audio on whatever connection there is. Hides that a connection may take nothing although it is
 * open: the browser would keep all that is sent for ever, so no more than two seconds are handed to it, and a connection
 * that stays full is doubted.
 */
import { Outgoing } from "./outgoing.js";
import { encoded } from "./pcm.js";

/** @typedef {import("./wire.js").Wire} Wire */

/** Bytes that the browser may hold unsent. */
const MOST_UNSENT = 64_000;
const LOOK_AGAIN_MS = 100;

/** A connection that took nothing for so long is doubted. */
const STUCK_MS = 10_000;

export class Sending {
  #surroundings;
  #outgoing = new Outgoing();
  /** @type {Wire | undefined} */
  #wire;
  #tookAt = Infinity;
  #waits = false;
  #stopTimer = () => {};
  /** @type {(() => void)[]} */
  #whenSent = [];

  /** @param {import("./surroundings.js").Surroundings} surroundings */
  constructor(surroundings) {
    this.#surroundings = surroundings;
  }

  /** Where audio goes from now on; undefined: it waits. @param {Wire | undefined} wire */
  use(wire) {
    this.#wire = wire;
    this.#tookAt = Infinity;
    this.#pump();
  }

  /**
   * @param {Int16Array} samples
   * @returns {number} seconds that had to go for it
   */
  put(samples) {
    const lost = this.#outgoing.put(samples);
    if (!this.#waits) {
      this.#pump();
    }
    return lost;
  }

  /** Resolves when nothing waits to be sent any more. @returns {Promise<void>} */
  sent() {
    return this.#outgoing.empty ? Promise.resolve() : new Promise((resolve) => this.#whenSent.push(resolve));
  }

  /** Nothing is sent any more. */
  close() {
    this.#wire = undefined;
    this.#stopTimer();
    this.#release();
  }

  /** Sends what may be sent, and looks again when more may. */
  #pump() {
    this.#stopTimer();
    this.#waits = false;
    const wire = this.#wire;
    if (!wire?.alive) {
      return;
    }
    const now = this.#surroundings.now();
    while (wire.backlog <= MOST_UNSENT) {
      this.#tookAt = now;
      const chunk = this.#outgoing.take(now);
      if (!chunk) {
        break;
      }
      wire.sendAudio(encoded(chunk));
    }
    if (this.#outgoing.empty) {
      this.#release();
      return;
    }
    if (now - this.#tookAt > STUCK_MS) {
      wire.doubt();
    }
    this.#waits = true;
    const wait = wire.backlog > MOST_UNSENT ? LOOK_AGAIN_MS : this.#outgoing.wait;
    this.#stopTimer = this.#surroundings.later(wait, () => this.#pump());
  }

  #release() {
    for (const done of this.#whenSent.splice(0)) {
      done();
    }
  }
}
