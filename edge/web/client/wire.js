/**
 * One WebSocket, from the attempt to its end: the server's first word, the pulse, what came while nobody reads yet.
 *
 * Hides how a browser tells of refusals and losses, which is little: a connection that was not made has no reason, one
 * that is half-open never ends by itself. A replaced connection and its successor overlap, so what comes is kept in
 * order until `read` is called.
 */
import { parse } from "./messages.js";
import { Problem } from "./problem.js";
import { Pulse, unanswered } from "./recovery.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./surroundings.js").Surroundings} Surroundings */
/** @typedef {import("./recovery.js").Timing} Timing */
/** @typedef {{message: (message: Message) => void, audio: (bytes: Uint8Array) => void, closed: (code: number) => void}} Reader */

const SUBPROTOCOL = "lingocast.v1";
const LOST = 1006;

/** Frames that wait for a reader: some ten seconds of cues and captions. Full: `onFull`, which must read them. */
const MOST_WAITING = 2_000;

export class Wire {
  #socket;
  #surroundings;
  #pulse;
  /** @type {Reader | undefined} */
  #reader;
  /** @type {(Message | Uint8Array)[]} */
  #waiting = [];
  /** @type {number | undefined} */
  #code;
  #stopTimer = () => {};
  /** @type {() => void} Called once, when more waits than may. */
  onFull = () => {};

  /**
   * @param {WebSocket} socket open
   * @param {Message} greeting its first message, which is handed out like any other
   * @param {Timing} timing
   * @param {Surroundings} surroundings
   */
  constructor(socket, greeting, timing, surroundings) {
    this.#socket = socket;
    this.#surroundings = surroundings;
    this.#waiting.push(greeting);
    this.#pulse = new Pulse(timing, surroundings.now());
    this.openedAt = surroundings.now();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#over(event.code);
    socket.onerror = null;
    this.#setTimer();
  }

  /** False once it has closed or was given up. */
  get alive() {
    return this.#code === undefined && this.#socket.readyState === 1;
  }

  /** Bytes that the network has not taken yet. */
  get backlog() {
    return this.#socket.bufferedAmount;
  }

  /**
   * Sends a message.
   * @param {string} action
   * @param {Record<string, unknown>} [fields]
   */
  send(action, fields = {}) {
    if (this.alive) {
      this.#socket.send(JSON.stringify({ action, ...fields }));
    }
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  sendAudio(bytes) {
    if (this.alive) {
      this.#socket.send(bytes);
    }
  }

  /**
   * Hands out what waited, what comes, and the end.
   * @param {Reader} reader
   */
  read(reader) {
    this.#reader = reader;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) {
      this.#handOut(item);
    }
    if (this.#code !== undefined) {
      reader.closed(this.#code);
    }
  }

  /** Something makes it doubtful that this connection lives: it is asked, and given up where no answer comes. */
  doubt() {
    if (this.alive && this.#pulse.doubt(this.#surroundings.now())) {
      this.#beat();
      this.#setTimer();
    }
  }

  /** Closes it; the reader is told at once, for a half-open connection would never say so. @param {number} [code] */
  hangUp(code = 1000) {
    this.#socket.close(1000);
    this.#over(code);
  }

  /** @param {unknown} data */
  #received(data) {
    this.#pulse.heard(this.#surroundings.now());
    const item = typeof data === "string" ? parse(data) : new Uint8Array(/** @type {ArrayBuffer} */ (data));
    if (item === undefined || this.#code !== undefined) {
      return;
    }
    if (this.#reader) {
      this.#handOut(item);
      return;
    }
    this.#waiting.push(item);
    if (this.#waiting.length === MOST_WAITING) {
      this.onFull();
    }
  }

  /** @param {Message | Uint8Array} item */
  #handOut(item) {
    if (item instanceof Uint8Array) {
      this.#reader?.audio(item);
    } else {
      this.#reader?.message(item);
    }
  }

  /** @param {number} code */
  #over(code) {
    if (this.#code !== undefined) {
      return;
    }
    this.#code = code;
    this.#stopTimer();
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#reader?.closed(code);
  }

  #beat() {
    this.send("heartbeat", { timestamp: this.#surroundings.now() });
  }

  #tick() {
    const verdict = this.#pulse.tick(this.#surroundings.now());
    if (verdict === "lost") {
      this.hangUp(LOST);
      return;
    }
    if (verdict === "beat") {
      this.#beat();
    }
    this.#setTimer();
  }

  #setTimer() {
    this.#stopTimer();
    if (this.#code !== undefined) {
      return;
    }
    const wait = Math.max(0, this.#pulse.deadline - this.#surroundings.now());
    this.#stopTimer = this.#surroundings.later(wait, () => this.#tick());
  }
}

/**
 * Connects. Gives a connection whose first message `accept` took.
 *
 * Rejects with Problem: the server's refusal, or UNREACHABLE, NO_ANSWER, UNEXPECTED_ANSWER; CLOSED once `signal` aborts.
 * @param {string} url
 * @param {(answer: Message) => boolean} accept
 * @param {Timing} timing
 * @param {Surroundings} surroundings
 * @param {AbortSignal} signal
 * @returns {Promise<Wire>}
 */
export function dial(url, accept, timing, surroundings, signal) {
  return new Promise((resolve, reject) => {
    const socket = surroundings.connect(url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    /** @param {Problem} problem */
    const fail = (problem) => {
      settle();
      socket.close();
      reject(problem);
    };
    const give = () => fail(Problem.own("CLOSED", "the connection was closed"));
    const stopTimer = surroundings.later(timing.answerMs, () =>
      fail(Problem.own("NO_ANSWER", "the server did not answer")),
    );
    const settle = () => {
      stopTimer();
      signal.removeEventListener("abort", give);
      socket.onmessage = null;
      socket.onclose = null;
    };
    signal.addEventListener("abort", give);
    socket.onclose = (event) => fail(unanswered(event.code));
    socket.onmessage = (event) => {
      const answer = typeof event.data === "string" ? parse(event.data) : undefined;
      if (answer?.type === "error") {
        fail(Problem.told(answer));
      } else if (answer && accept(answer)) {
        settle();
        resolve(new Wire(socket, answer, timing, surroundings));
      } else {
        fail(Problem.own("UNEXPECTED_ANSWER", "the server answered something else than was asked"));
      }
    };
  });
}
