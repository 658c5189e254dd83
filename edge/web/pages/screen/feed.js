// A feed that is there as long as the projector is: nobody stands beside it to press a button. The client mends its
// connections; what it gives up on is tried again here, slower and slower, for ever. Only a session that has ended is
// left, and a PIN is asked for.

import { Emitter } from "../../client/emitter.js";
import { Problem } from "../../client/problem.js";

/** @import { Caption, SourceCaption, BroadcastState } from "../../client/messages.js" */

/** Seconds until the next try, after each in vain; the last for all that follow. */
const WAITS = [2, 5, 10, 20, 30];

/**
 * What the client's Listener is for this page.
 * @typedef {object} Listening
 * @property {() => Promise<unknown>} open
 * @property {() => Promise<unknown>} close
 * @property {(name: any, handler: (event: any) => void) => () => void} on
 */

/**
 * Makes a Listener that is not open yet.
 * @typedef {(language: string, pin: string | undefined) => Listening} Make
 */

/**
 * @typedef {object} Events
 * @property {Omit<Caption, "type">} caption
 * @property {Omit<SourceCaption, "type">} sourceCaption
 * @property {BroadcastState} state
 * @property {{away: boolean, problem?: Problem}} standing Whether the feed is out of reach.
 * @property {{reason: string}} ended
 * @property {{wanted: string, instead: string}} replaced Another language than the wanted is shown: that is not on offer.
 */

/** @extends {Emitter<Events>} */
export class Feed extends Emitter {
  /** @type {Listening | undefined} */
  #listener;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {(() => void) | undefined} */
  #wake;
  #closed = false;
  #failures = 0;
  #language;
  #make;
  #pin;

  /**
   * @param {string} language
   * @param {{pin: string | undefined, ask: (wrong: string | undefined) => Promise<string>}} pin `ask` brings another
   *   PIN than the one that was wrong.
   * @param {Make} make
   */
  constructor(language, pin, make) {
    super();
    this.#language = language;
    this.#make = make;
    this.#pin = pin;
  }

  /** Runs until the session has ended or the feed is closed. */
  async run() {
    while (!this.#closed) {
      const pin = this.#pin.pin;
      const over = await this.#listen(pin);
      if (over === "ended" || this.#closed) return;
      await this.#mend(over, pin);
    }
  }

  /** Ends it. */
  async close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wake?.();
    await this.#listener?.close();
  }

  /**
   * One listener's life.
   * @param {string | undefined} pin
   * @returns {Promise<"ended" | Problem>} `ended`, or why it could not go on.
   */
  async #listen(pin) {
    const listener = this.#make(this.#language, pin);
    this.#listener = listener;
    /** @type {Promise<"ended" | Problem>} */
    const over = new Promise((resolve) => {
      listener.on("ended", (event) => {
        this.emit("ended", event);
        resolve("ended");
      });
      listener.on("connection", ({ status, problem }) => {
        if (status === "open") this.#failures = 0;
        if (status === "closed") resolve(problem ?? Problem.own("CONNECTION_LOST", "the connection was closed"));
        else if (status !== "connecting") this.emit("standing", { away: status !== "open", problem });
      });
    });
    for (const name of /** @type {const} */ (["caption", "sourceCaption", "state"])) {
      listener.on(name, (event) => this.emit(name, event));
    }
    try {
      await listener.open();
      return await over;
    } catch (error) {
      return error instanceof Problem ? error : Problem.own("CONNECTION_LOST", String(error));
    } finally {
      this.#listener = undefined;
      await listener.close();
    }
  }

  /**
   * @param {Problem} problem
   * @param {string | undefined} pin With which it was tried.
   */
  async #mend(problem, pin) {
    if (problem.code === "SESSION_NOT_FOUND") {
      this.#closed = true;
      this.emit("ended", { reason: "" });
      return;
    }
    if (problem.code === "WRONG_PIN") {
      await this.#pin.ask(pin);
      return;
    }
    const [instead] = problem.languages ?? [];
    if (problem.code === "UNSUPPORTED_LANGUAGE" && instead && instead !== this.#language) {
      this.emit("replaced", { wanted: this.#language, instead });
      this.#language = instead;
      return;
    }
    this.emit("standing", { away: true, problem });
    const seconds = problem.retryAfter || WAITS[Math.min(this.#failures, WAITS.length - 1)];
    this.#failures += 1;
    await new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
      this.#timer = setTimeout(resolve, seconds * 1000);
    });
  }
}
