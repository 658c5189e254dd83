/**
 * The speaker's side: opens a session and speaks in it.
 *
 * Hides how a broadcast outlives its connections: it is refreshed with the token, its glossary is said again (another
 * edge does not know it), and what was spoken meanwhile waits for up to 5 s.
 */
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Ending } from "./ending.js";
import { INITIAL_STATE, moved } from "./messages.js";
import { Problem } from "./problem.js";
import { Questions } from "./questions.js";
import { TIMING } from "./recovery.js";
import { Sending } from "./sending.js";
import { BROWSER } from "./surroundings.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").BroadcastState} BroadcastState */
/** @typedef {import("./messages.js").SessionStatus} SessionStatus */
/** @typedef {import("./wire.js").Wire} Wire */
/** @typedef {{source: string, target?: string, language?: string}} Term stays as it is, or becomes `target` (in `language`) */
/** @typedef {{sessionId: string, joinUrl: string, sourceLanguage: string, qualityTier: string, expiresAt: number}} Created */
/** @typedef {Created & {broadcastState: BroadcastState}} Opened where a session was resumed, what only its creation tells is empty or 0 */
/** @typedef {Pick<Opened, "sessionId" | "broadcastState">} Resumed */
/** @typedef {string | (() => string | Promise<string>)} TokenSource a JWT, or what brings a fresh one: after hours it must still be valid */
/** @typedef {{version: string, terms: number}} GlossaryAccepted */
/**
 * @typedef {object} SpeakerOptions
 * @property {string} [sourceLanguage] needed unless `resume`
 * @property {"standard" | "premium"} [qualityTier]
 * @property {string} [pin] that listeners must know
 * @property {boolean} [partialResults] false: captions and voices only of finished sentences
 * @property {Term[]} [glossary]
 * @property {{sessionId: string}} [resume] the session to go on with, of the same person, not ended
 * @property {Partial<import("./recovery.js").Timing>} [timing]
 * @property {import("./surroundings.js").Surroundings} [surroundings] for tests
 */
/**
 * @typedef {object} SpeakerEvents
 * @property {Created} created
 * @property {import("./listener.js").SourceCaption} sourceCaption
 * @property {SessionStatus} status
 * @property {{issue: string, value: number, threshold: number, advice: string}} warning
 * @property {{issue: string}} cleared
 * @property {{code: string, message: string}} trouble
 * @property {{code: string, message: string}} recovered
 * @property {BroadcastState} state
 * @property {GlossaryAccepted} glossaryAccepted
 * @property {{seconds: number}} lost
 * @property {{reason: string}} ended
 * @property {import("./connection.js").Status} connection
 * @property {Problem} problem
 * @property {{code: string, message: string}} rateLimited
 */

/** What the query of a connection has room for, escaped. A longer glossary is set on the open connection. */
const GLOSSARY_CHARACTERS = 2_048;

/** @extends {Emitter<SpeakerEvents>} */
export class Speaker extends Emitter {
  #token;
  #options;
  #surroundings;
  #timing;
  #connection;
  #questions;
  #sending;
  /** @type {Wire | undefined} Where what is said goes. */
  #wire;
  #sessionId = "";
  #connectionId = "";
  /** @type {Term[] | undefined} Said on every further connection. */
  #glossary;
  /** @type {Wire | undefined} Where the server knows the glossary. */
  #glossaryOn;
  /** @type {Opened | undefined} */
  #opened;
  #state = INITIAL_STATE;
  #ending = new Ending();
  /** @type {(() => void) | undefined} Once the first connection is complete. */
  #entered;

  /**
   * @param {string} origin of the server; empty for the page's own
   * @param {TokenSource} token
   * @param {SpeakerOptions} options
   */
  constructor(origin, token, options) {
    super();
    this.#token = token;
    this.#options = options;
    this.#surroundings = options.surroundings ?? BROWSER;
    this.#timing = { ...TIMING, ...options.timing };
    this.#sessionId = options.resume?.sessionId ?? "";
    this.#glossary = options.glossary?.length ? options.glossary : undefined;
    this.#questions = new Questions(this.#surroundings);
    this.#sending = new Sending(this.#surroundings);
    this.#connection = new Connection(origin, this.#identity(), this.#handlers(), this.#timing, this.#surroundings);
  }

  /**
   * Opens the session, or goes on with it. Where the server cannot be reached or has no room at present it goes on
   * trying (event `connection`). Rejects with Problem when it is refused: INVALID_TOKEN, UNSUPPORTED_LANGUAGE …
   * @returns {Promise<Opened>}
   */
  async open() {
    const entered = new Promise((/** @type {(done: undefined) => void} */ resolve) => {
      this.#entered = () => resolve(undefined);
    });
    await this.#connection.open();
    await entered;
    if (!this.#opened) {
      throw Problem.own("CLOSED", "the connection was closed");
    }
    return this.#opened;
  }

  /** What listeners need to join; empty before the session is open. */
  get sessionId() {
    return this.#sessionId;
  }

  /** The switches as the server has them. */
  get state() {
    return this.#state;
  }

  /**
   * Speaks. Never waits: without a connection the last 5 s are kept, what is older is lost (event `lost`).
   * @param {Int16Array} samples 16 kHz, mono; about 100 ms at a time
   */
  send(samples) {
    if (this.#ending.over) {
      return;
    }
    const seconds = this.#sending.put(samples);
    if (seconds > 0) {
      this.emit("lost", { seconds });
    }
  }

  /** Holds the broadcast until `resume`. This and the following resolve once the server says so, or reject with Problem. */
  async pause() {
    await this.#ask("pauseBroadcast", "broadcastPaused");
  }

  async resume() {
    await this.#ask("resumeBroadcast", "broadcastResumed");
  }

  async mute() {
    await this.#ask("muteBroadcast", "broadcastMuted");
  }

  async unmute() {
    await this.#ask("unmuteBroadcast", "broadcastUnmuted");
  }

  /** @param {number} level 0 to 1: what the amplitude is multiplied by before recognition */
  async setVolume(level) {
    await this.#ask("setVolume", "volumeChanged", { volumeLevel: Math.min(1, Math.max(0, level)) });
  }

  /**
   * Replaces the session's glossary, for what is translated from then on.
   * @param {Term[]} terms at most 500
   * @returns {Promise<GlossaryAccepted>}
   */
  async setGlossary(terms) {
    const accepted = await this.#ask("setGlossary", "glossaryAccepted", { terms });
    this.#glossary = terms;
    this.#glossaryOn = this.#wire;
    const { version, terms: count } = /** @type {import("./messages.js").GlossaryAccepted} */ (accepted);
    return { version, terms: count };
  }

  /** How many listen, in which languages, and how far behind they are; it also comes as event `status`. */
  async requestStatus() {
    await this.#ask("getSessionStatus", "sessionStatus");
  }

  /**
   * Ends the session for everybody, once what was said has been sent. It is delivered to its end.
   * @param {string} [reason] that listeners are told; at most 200 characters
   */
  async end(reason) {
    await this.#sending.sent();
    await this.#ask("endSession", "sessionEnded", reason ? { reason } : {}, this.#timing.endingMs);
  }

  /** Tries at once where it waits for the next try; where it is open, looks whether it truly is. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Leaves without an end: the server waits 30 s for somebody to `resume`. No event follows but `connection`. */
  close() {
    this.#ending.left = true;
    this.#connection.close();
  }

  // ------------------------------------------------------------------ who is connecting

  /** @returns {import("./connection.js").Identity} */
  #identity() {
    return {
      request: () => this.#request(),
      answered: (answer) => {
        if (answer.type === "sessionCreated") {
          this.#sessionId = answer.sessionId;
          this.#connectionId = answer.connectionId;
          return true;
        }
        if (answer.type === "connectionRefreshComplete") {
          this.#connectionId = answer.newConnectionId;
          return true;
        }
        return false;
      },
      adapt: () => false,
      lost: () => {},
      // Our own attempt may have taken the last one's place already; the token is enough.
      unanswered: () => {
        this.#connectionId = "";
      },
    };
  }

  /** @returns {Promise<Record<string, string>>} */
  async #request() {
    const { sourceLanguage = "", qualityTier, pin, partialResults } = this.#options;
    const token = await this.#freshToken();
    /** @type {Record<string, string>} */
    const query = this.#sessionId
      ? { action: "refreshConnection", role: "speaker", sessionId: this.#sessionId, token }
      : { action: "createSession", sourceLanguage, token };
    if (this.#sessionId) {
      // Named, it is only replaced while no other has taken its place.
      return this.#connectionId ? { ...query, connectionId: this.#connectionId } : query;
    }
    const glossary = this.#shortGlossary();
    const given = { qualityTier, pin, partialResults: partialResults?.toString(), glossary };
    for (const [name, value] of Object.entries(given)) {
      if (value) {
        query[name] = value;
      }
    }
    return query;
  }

  async #freshToken() {
    try {
      return typeof this.#token === "string" ? this.#token : await this.#token();
    } catch {
      throw Problem.own("TOKEN_UNAVAILABLE", "no fresh token could be had");
    }
  }

  /** The glossary, where the query of a connection has room for it. */
  #shortGlossary() {
    const text = this.#glossary ? JSON.stringify(this.#glossary) : "";
    return encodeURIComponent(text).length <= GLOSSARY_CHARACTERS ? text : "";
  }

  // ------------------------------------------------------------------ what comes

  /** @returns {import("./connection.js").Handlers} */
  #handlers() {
    return {
      attached: () => {},
      sendable: (wire) => this.#use(wire),
      message: (message) => this.#receive(message),
      audio: () => {},
      status: (status) => this.#status(status),
      over: (problem) => this.#over(problem),
    };
  }

  /** @param {Wire | undefined} wire */
  #use(wire) {
    if (wire && wire === this.#wire) {
      return;
    }
    this.#wire = wire;
    this.#sending.use(wire);
    if (wire) {
      this.#questions.attach(wire);
      this.#repeatGlossary(wire);
    } else {
      this.#questions.detach();
    }
  }

  /** @param {Wire} wire */
  #repeatGlossary(wire) {
    const terms = this.#glossary;
    const first = !this.#opened && !this.#options.resume;
    if (
      !terms ||
      this.#glossaryOn === wire ||
      (first && this.#shortGlossary()) ||
      this.#questions.pending("setGlossary")
    ) {
      return;
    }
    this.#ask("setGlossary", "glossaryAccepted", { terms }).catch((problem) => {
      // A refusal is the page's business; a connection that went takes the next one with it.
      if (problem.code !== "CLOSED") {
        this.emit("problem", problem);
      }
    });
  }

  /** @param {Message} message */
  #receive(message) {
    if (this.#questions.receive(message)) {
      return;
    }
    const state = moved(this.#state, message);
    if (state) {
      this.#state = state;
    }
    if (!this.#opened) {
      this.#enter(message);
    }
    if (state && message.type !== "sessionStatus") {
      this.emit("state", state);
    }
    this.#tell(message);
  }

  /** @param {Message} message */
  #enter(message) {
    if (message.type === "sessionCreated") {
      const { type: _, connectionId: __, ...created } = message;
      this.#opened = { ...created, broadcastState: this.#state };
      this.#ending.entered = true;
      this.emit("created", created);
      this.#entered?.();
    } else if (message.type === "stateRestored") {
      const { sourceLanguage = "", qualityTier = "" } = this.#options;
      const unknown = { joinUrl: "", sourceLanguage, qualityTier, expiresAt: 0 };
      this.#opened = { sessionId: this.#sessionId, ...unknown, broadcastState: message.broadcastState };
      this.#ending.entered = true;
      this.#entered?.();
    }
  }

  /** @param {Message} message */
  #tell(message) {
    const { type, ...news } = message;
    switch (message.type) {
      case "sourceCaption":
        this.emit("sourceCaption", /** @type {any} */ (news));
        break;
      case "sessionStatus":
        this.emit("status", message);
        break;
      case "glossaryAccepted":
        this.emit("glossaryAccepted", /** @type {any} */ (news));
        break;
      case "audioQualityWarning":
        this.emit("warning", /** @type {any} */ (news));
        break;
      case "audioQualityRecovered":
        this.emit("cleared", /** @type {any} */ (news));
        break;
      case "transcriptionError":
        this.emit("trouble", /** @type {any} */ (news));
        break;
      case "systemRecovered":
        this.emit("recovered", /** @type {any} */ (news));
        break;
      case "rateLimitWarning":
        this.emit("rateLimited", /** @type {any} */ (news));
        break;
      case "sessionEnded":
        this.#end(this.#ending.tell(message.reason));
        break;
      case "error":
        this.emit("problem", Problem.told(message));
        break;
      default: // Answers, and the connection's own affairs.
    }
  }

  // ------------------------------------------------------------------ the end

  /** @param {import("./connection.js").Status} status */
  #status(status) {
    if (status.status !== "closed") {
      this.emit("connection", status);
      return;
    }
    const { ended, status: told } = this.#ending.closed(status);
    this.#end(ended);
    this.emit("connection", told);
  }

  /** @param {{reason: string} | undefined} ended */
  #end(ended) {
    if (ended) {
      this.emit("ended", ended);
    }
  }

  /** @param {Problem | undefined} problem */
  #over(problem) {
    this.#questions.close(this.#ending.unanswered(problem));
    this.#sending.close();
    this.#entered?.();
  }

  /**
   * @param {string} action
   * @param {Message["type"]} answer
   * @param {Record<string, unknown>} [fields]
   * @param {number} [deadlineMs]
   */
  #ask(action, answer, fields = {}, deadlineMs = this.#timing.answerMs) {
    return this.#questions.ask(action, fields, answer, deadlineMs);
  }
}
