/**
 * One client's connection, kept alive across losses and refreshes.
 *
 * Hides that there is more than one WebSocket. A refresh opens the second while the first is still read; the first is
 * read to its end, then the second goes on, so that order needs no merging. What comes twice is for `Assembly` to take
 * out. It goes on trying until it is closed, refused for good, or the session has ended.
 */
import { Problem } from "./problem.js";
import { ending, mayPass, retryDelay } from "./recovery.js";
import { address } from "./surroundings.js";
import { dial } from "./wire.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./wire.js").Wire} Wire */
/** @typedef {{status: "connecting" | "open" | "waiting" | "offline" | "closed", problem?: Problem, retryAt?: number}} Status */
/**
 * Who is connecting, and what is remembered of the connection before.
 * @typedef {object} Identity
 * @property {() => Promise<Record<string, string>>} request the query of the next connection
 * @property {(answer: Message) => boolean} answered takes note of the server's first message; false when it is none
 * @property {(problem: Problem) => boolean} adapt whether, after this refusal, another request is worth making at once
 * @property {(clean: boolean) => void} lost a connection ended; `clean`: with a close frame
 * @property {() => void} unanswered a connection was asked for, and nobody knows what became of it
 */
/**
 * Who is told. `attached`: what follows comes from this connection, its first message to begin with. `sendable`: what is
 * sent goes there from now on, or nowhere. `over`: nothing follows.
 * @typedef {object} Handlers
 * @property {() => void} attached
 * @property {(wire: Wire | undefined) => void} sendable
 * @property {(message: Message) => void} message
 * @property {(bytes: Uint8Array) => void} audio
 * @property {(status: Status) => void} status
 * @property {(problem: Problem | undefined) => void} over
 */

/** A connection that lived so long was a success: the next loss begins with the shortest wait again. */
const SETTLED_MS = 20_000;

/** @returns {Problem} */
const left = () => Problem.own("CLOSED", "the connection was closed");

export class Connection {
  #origin;
  #identity;
  #handlers;
  #timing;
  #surroundings;
  #closing = new AbortController();
  /** @type {Wire | undefined} The one that is read. */
  #wire;
  /** @type {Promise<Wire | Problem> | undefined} */
  #successor;
  /** True while a connection is read and alive: what else goes on needs no telling. */
  #open = false;
  #attempt = 0;
  #over = false;
  /** @type {Status["status"] | undefined} */
  #told;
  /** @type {Set<() => void>} What cancels the timers that run. */
  #timers = new Set();
  #wake = () => {};
  #stopWatching = () => {};

  /**
   * @param {string} origin
   * @param {Identity} identity
   * @param {Handlers} handlers
   * @param {import("./recovery.js").Timing} timing
   * @param {import("./surroundings.js").Surroundings} surroundings
   */
  constructor(origin, identity, handlers, timing, surroundings) {
    this.#origin = origin;
    this.#identity = identity;
    this.#handlers = handlers;
    this.#timing = timing;
    this.#surroundings = surroundings;
  }

  /** Connects for the first time; resolves once it has. Rejects with Problem when refused, or closed meanwhile. */
  async open() {
    this.#stopWatching = this.#surroundings.whenNetworkChanges(() => this.#networkChanged());
    try {
      const wire = await this.#persist();
      void this.#follow(wire);
    } catch (problem) {
      this.#finish(problem instanceof Problem ? problem : undefined);
      throw problem;
    }
  }

  /** Tries at once where it waits for the next try; where it is open, looks whether it truly is. */
  retryNow() {
    this.#wire?.doubt();
    this.#wake();
  }

  /** Takes another connection in the place of this one, without a gap; nothing while another is made anyway. */
  refresh() {
    if (this.#open && !this.#successor) {
      this.#successor = this.#succeed();
    }
  }

  /** Leaves. Nothing is tried or told any more but that it is closed. */
  close() {
    this.#closing.abort();
    this.#wake();
    const wire = this.#wire;
    this.#finish(undefined);
    wire?.hangUp();
  }

  // ------------------------------------------------------------------ following the connection

  /** @param {Wire} first */
  async #follow(first) {
    /** @type {Wire | undefined} */
    let wire = first;
    try {
      while (wire) {
        wire = await this.#next(await this.#read(wire));
      }
      this.#finish(undefined);
    } catch (problem) {
      this.#finish(problem instanceof Problem ? problem : Problem.own("CONNECTION_LOST", String(problem)));
    }
  }

  /**
   * Hands out what a connection brings, until it ends.
   * @param {Wire} wire
   * @returns {Promise<import("./recovery.js").Ending>}
   */
  #read(wire) {
    this.#wire = wire;
    this.#open = true;
    this.#handlers.sendable(wire);
    this.#handlers.attached();
    this.#tell({ status: "open" });
    let toldEnded = false;
    /** @type {import("./messages.js").ErrorMessage | undefined} */
    let error;
    return new Promise((resolve) => {
      wire.read({
        message: (message) => {
          error = message.type === "error" ? message : undefined;
          if (message.type === "sessionEnded") {
            toldEnded = true;
            this.#later(this.#timing.drainMs, () => wire.hangUp());
          }
          // A warning comes where the refresh did not come through: what hindered it may have passed.
          if (message.type === "connectionRefreshRequired" || message.type === "connectionWarning") {
            this.refresh();
          }
          this.#handlers.message(message);
        },
        audio: (bytes) => this.#handlers.audio(bytes),
        closed: (code) => {
          this.#open = false;
          const refreshing = this.#successor !== undefined;
          if (!refreshing) {
            this.#identity.lost(code !== 1006);
          }
          if (this.#surroundings.now() - wire.openedAt >= SETTLED_MS) {
            this.#attempt = 0;
          }
          resolve(ending(code, { toldEnded, refreshing, error }));
        },
      });
    });
  }

  /**
   * The connection after one that ended; undefined for none.
   * @param {import("./recovery.js").Ending} end
   * @returns {Promise<Wire | undefined>}
   */
  async #next(end) {
    if (end.kind === "finished" || this.#over) {
      return undefined;
    }
    if (end.kind === "refused") {
      throw end.problem;
    }
    const successor = this.#successor;
    if (successor) {
      this.#handlers.sendable(undefined);
      // A refresh that waits for its next try was in no hurry; now it is.
      this.#wake();
      const outcome = await successor;
      this.#successor = undefined;
      if (!(outcome instanceof Problem)) {
        return outcome;
      }
    }
    this.#handlers.sendable(undefined);
    await this.#rest(end.problem);
    return this.#persist();
  }

  /** @returns {Promise<Wire | Problem>} */
  async #succeed() {
    const old = this.#wire;
    try {
      const wire = await this.#persist();
      wire.onFull = () => old?.hangUp();
      this.#handlers.sendable(wire);
      this.#later(this.#timing.drainMs, () => old?.hangUp());
      return wire;
    } catch (problem) {
      // While the old one lives, the next warning is another chance.
      if (this.#open) {
        this.#successor = undefined;
      }
      return problem instanceof Problem ? problem : Problem.own("CONNECTION_LOST", String(problem));
    }
  }

  // ------------------------------------------------------------------ connecting

  /** Connects, however many tries it takes. Rejects with the Problem that more tries do not mend. */
  async #persist() {
    for (;;) {
      this.#mustGoOn();
      this.#tell({ status: "connecting" });
      try {
        const url = address(this.#origin, await this.#identity.request());
        this.#mustGoOn();
        const accept = (/** @type {Message} */ answer) => this.#identity.answered(answer);
        return await dial(url, accept, this.#timing, this.#surroundings, this.#closing.signal);
      } catch (failure) {
        this.#mustGoOn();
        if (!(failure instanceof Problem)) {
          throw failure;
        }
        if (failure.code === "NO_ANSWER" || failure.code === "UNREACHABLE") {
          this.#identity.unanswered();
        }
        if (this.#identity.adapt(failure)) {
          continue;
        }
        if (!mayPass(failure)) {
          throw failure;
        }
        await this.#rest(failure);
      }
    }
  }

  #mustGoOn() {
    if (this.#closing.signal.aborted) {
      throw left();
    }
  }

  /**
   * Waits before the next try; less where it is wanted now, or the network is back.
   * @param {Problem} problem why
   */
  async #rest(problem) {
    const chance = this.#surroundings.chance();
    let wait = retryDelay(this.#attempt, this.#timing, chance, problem.retryAfter);
    this.#attempt += 1;
    if (this.#surroundings.online()) {
      this.#tell({ status: "waiting", problem, retryAt: this.#surroundings.now() + wait });
    } else {
      // It is told when the network is back; some devices are wrong about it.
      wait = Math.max(wait, this.#timing.lastRetryMs);
      this.#tell({ status: "offline", problem, retryAt: this.#surroundings.now() + wait });
    }
    await new Promise((/** @type {(done: undefined) => void} */ resolve) => {
      const stop = this.#later(wait, () => this.#wake());
      this.#wake = () => {
        stop();
        this.#wake = () => {};
        resolve(undefined);
      };
    });
  }

  #networkChanged() {
    this.#wire?.doubt();
    if (this.#surroundings.online()) {
      // All of a hall come back with their router.
      this.#later(this.#surroundings.chance() * this.#timing.firstRetryMs, () => this.#wake());
      this.#attempt = 0;
    }
  }

  /**
   * A timer that ends with this connection at the latest.
   * @param {number} milliseconds
   * @param {() => void} act
   */
  #later(milliseconds, act) {
    const cancel = this.#surroundings.later(milliseconds, () => {
      this.#timers.delete(stop);
      act();
    });
    const stop = () => {
      this.#timers.delete(stop);
      cancel();
    };
    this.#timers.add(stop);
    return stop;
  }

  /** @param {Status} status */
  #tell(status) {
    // A refresh in peace is nobody's business.
    const quiet = this.#open && (status.status !== "open" || this.#told === "open");
    if (!this.#over && !quiet) {
      this.#told = status.status;
      this.#handlers.status(status);
    }
  }

  /** @param {Problem | undefined} problem */
  #finish(problem) {
    if (this.#over) {
      return;
    }
    this.#open = false;
    this.#tell({ status: "closed", problem });
    this.#over = true;
    this.#closing.abort();
    this.#stopWatching();
    for (const stop of [...this.#timers]) {
      stop();
    }
    void this.#successor?.then((wire) => wire instanceof Problem || wire.hangUp());
    this.#handlers.sendable(undefined);
    this.#handlers.over(problem);
  }
}
