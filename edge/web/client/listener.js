/**
 * The listener's side: joins a session in a language; captions and voice come as events.
 *
 * Hides that what it tells came by several connections: `place.js` knows what to ask for, `connection.js` keeps on
 * asking, `assembly.js` leaves out what came twice, `voice.js` decodes.
 */
import { Assembly } from "./assembly.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Ending } from "./ending.js";
import { INITIAL_STATE, moved } from "./messages.js";
import { Place } from "./place.js";
import { Problem } from "./problem.js";
import { Questions } from "./questions.js";
import { TIMING } from "./recovery.js";
import { BROWSER } from "./surroundings.js";
import { Voice } from "./voice.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").BroadcastState} BroadcastState */
/** @typedef {import("./assembly.js").Assembled} Assembled */
/** @typedef {{sessionId: string, sourceLanguage: string, targetLanguage: string, listenerCount: number, qualityTier: string, broadcastState: BroadcastState}} Joined */
/** @typedef {{segmentId: number, text: string, stableChars: number, isFinal: boolean, startMs: number, endMs: number}} SourceCaption */
/** @typedef {SourceCaption & {language: string}} Caption */
/** @typedef {import("./place.js").Memory} Memory */
/**
 * @typedef {object} ListenerOptions
 * @property {string} language the code wanted; the server answers with the one that serves it
 * @property {string} [pin]
 * @property {"source"} [captions] the speaker's own words, too
 * @property {"pcm" | "opus" | "off"} [audio] how the voice comes; opus is a tenth of the bytes, and pcm where it is not possible
 * @property {Memory} [resume]
 * @property {Partial<import("./recovery.js").Timing>} [timing]
 * @property {import("./surroundings.js").Surroundings} [surroundings] for tests
 */
/**
 * @typedef {object} ListenerEvents
 * @property {Joined} joined
 * @property {Caption} caption
 * @property {SourceCaption} sourceCaption
 * @property {import("./voice.js").CueStart} cueStart
 * @property {import("./voice.js").Samples} audio
 * @property {import("./voice.js").CueEnd} cueEnd
 * @property {BroadcastState} state
 * @property {{language: string}} languageChanged
 * @property {{cues: number, seconds: number}} dropped
 * @property {{language: string, reason: string}} unavailable
 * @property {{code: string}} recovered
 * @property {{reason: string}} ended
 * @property {import("./connection.js").Status} connection
 * @property {Problem} problem
 */

/** @extends {Emitter<ListenerEvents>} */
export class Listener extends Emitter {
  #options;
  #surroundings;
  #timing;
  #place;
  #connection;
  #questions;
  #assembly;
  #voice;
  /** @type {Joined | undefined} */
  #joined;
  #state = INITIAL_STATE;
  #ending = new Ending();
  /** @type {(() => void) | undefined} Once the first connection is complete. */
  #entered;

  /**
   * @param {string} origin of the server (`https://example.org`); empty for the page's own
   * @param {string} sessionId such as `faithful-shepherd-427`
   * @param {ListenerOptions} options
   */
  constructor(origin, sessionId, options) {
    super();
    this.#options = options;
    this.#surroundings = options.surroundings ?? BROWSER;
    this.#timing = { ...TIMING, ...options.timing };
    this.#place = new Place(sessionId, options, this.#surroundings.now());
    this.#questions = new Questions(this.#surroundings);
    this.#assembly = new Assembly(this.#place.heardBefore);
    this.#voice = new Voice({
      start: (cue) => this.emit("cueStart", cue),
      audio: (audio) => this.emit("audio", audio),
      end: (end) => this.emit("cueEnd", end),
      failed: () => {
        this.#place.audio = "pcm";
        this.#connection.refresh();
      },
    });
    this.#connection = new Connection(origin, this.#identity(), this.#handlers(), this.#timing, this.#surroundings);
  }

  /**
   * Joins. Where the server cannot be reached or has no room at present it goes on trying (event `connection`).
   * Rejects with Problem when it is refused: WRONG_PIN, SESSION_NOT_FOUND, UNSUPPORTED_LANGUAGE (with `languages`) …
   * @returns {Promise<Joined>}
   */
  async open() {
    if (this.#place.audio === "opus" && !(await this.#voice.takeOpus())) {
      this.#place.audio = "pcm";
    }
    const entered = new Promise((/** @type {(done: undefined) => void} */ resolve) => {
      this.#entered = () => resolve(undefined);
    });
    await this.#connection.open();
    await entered;
    if (!this.#joined) {
      throw Problem.own("CLOSED", "the connection was closed");
    }
    return this.#joined;
  }

  /** The language listened to now, as the server calls it; empty before joining. */
  get language() {
    return this.#place.confirmed;
  }

  /** The speaker's switches. */
  get state() {
    return this.#state;
  }

  /** How the voice comes, after what the browser and the server can do. */
  get audioFormat() {
    return this.#place.audio;
  }

  /** For `resume`, when the page is loaded again. @returns {Memory} */
  get memory() {
    return {
      connectionId: this.#place.connectionId,
      lastCue: this.#assembly.lastCue,
      language: this.#place.confirmed,
      sourceLanguage: this.#joined?.sourceLanguage,
      qualityTier: this.#joined?.qualityTier,
      at: this.#surroundings.now(),
    };
  }

  /**
   * Goes on in another language from the next cue; resolves once the server says so. Rejects with Problem,
   * UNSUPPORTED_LANGUAGE above all; then all stays as it was.
   * @param {string} code
   */
  async changeLanguage(code) {
    const place = this.#place;
    place.wanted = code;
    try {
      await this.#ask("changeLanguage", "languageChanged", { targetLanguage: code });
    } finally {
      if (place.wanted === code) {
        place.wanted = place.confirmed;
      }
    }
  }

  /** Tells the server that nothing is played for now; audio goes on coming. Rejects with Problem. */
  async pausePlayback() {
    await this.#ask("pausePlayback", "playbackPaused");
  }

  /** Takes `pausePlayback` back. Rejects with Problem. */
  async resumePlayback() {
    await this.#ask("resumePlayback", "playbackResumed");
  }

  /** Tries at once where it waits for the next try; where it is open, looks whether it truly is. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Leaves. No event follows but `connection` (closed). */
  async close() {
    this.#ending.left = true;
    this.#connection.close();
  }

  // ------------------------------------------------------------------ who is connecting

  /** @returns {import("./connection.js").Identity} */
  #identity() {
    const place = this.#place;
    return {
      request: async () => place.request(this.#assembly.resumeAfter),
      answered: (answer) => place.answered(answer),
      adapt: (problem) => {
        const given = place.adapt(problem);
        if (given === "language") {
          this.#questions.withdraw("changeLanguage", problem);
        }
        return given !== undefined;
      },
      lost: (clean) => place.lost(clean),
      unanswered: () => {},
    };
  }

  // ------------------------------------------------------------------ what comes

  /** @returns {import("./connection.js").Handlers} */
  #handlers() {
    return {
      attached: () => this.#assembly.attach(),
      sendable: (wire) => (wire ? this.#questions.attach(wire) : this.#questions.detach()),
      message: (message) => this.#receive(message),
      audio: (bytes) => {
        for (const piece of this.#assembly.receiveAudio(bytes)) {
          this.#deliver(piece);
        }
      },
      status: (status) => this.#status(status),
      over: (problem) => this.#over(problem),
    };
  }

  /** @param {Message} message */
  #receive(message) {
    if (this.#questions.receive(message)) {
      return;
    }
    if (message.type === "sessionJoined" || message.type === "connectionRefreshComplete") {
      this.#arrived(message);
    } else if (message.type === "languageChanged") {
      this.#confirm(message.targetLanguage);
    }
    const state = moved(this.#state, message);
    if (state) {
      this.#state = state;
    }
    if (!this.#joined && (message.type === "sessionJoined" || message.type === "stateRestored")) {
      this.#enter(message);
    }
    if (state) {
      this.emit("state", state);
    }
    for (const news of this.#assembly.receive(message)) {
      this.#deliver(news);
    }
  }

  /** A connection is read from here on. @param {Message & {type: "sessionJoined" | "connectionRefreshComplete"}} answer */
  #arrived(answer) {
    const language = answer.targetLanguage || this.#place.wanted;
    if (this.#place.arrived(language)) {
      this.#confirm(language);
    } else if (!this.#questions.pending("changeLanguage")) {
      this.#ask("changeLanguage", "languageChanged", { targetLanguage: this.#place.wanted }).catch((problem) =>
        this.emit("problem", problem),
      );
    }
  }

  /** @param {string} language */
  #confirm(language) {
    const before = this.#place.confirmed;
    if (language === before) {
      return;
    }
    this.#place.confirmed = language;
    if (before) {
      for (const news of this.#assembly.giveUp()) {
        this.#deliver(news);
      }
      this.#assembly.changeLanguage();
      this.emit("languageChanged", { language });
    }
  }

  /** @param {Message & {type: "sessionJoined" | "stateRestored"}} message */
  #enter(message) {
    const memory = this.#options.resume;
    const known = message.type === "sessionJoined" ? message : undefined;
    this.#joined = {
      sessionId: this.#place.sessionId,
      sourceLanguage: known?.sourceLanguage ?? memory?.sourceLanguage ?? "",
      targetLanguage: this.#place.confirmed,
      listenerCount: known?.listenerCount ?? 0,
      qualityTier: known?.qualityTier ?? memory?.qualityTier ?? "",
      broadcastState: message.broadcastState,
    };
    this.#ending.entered = true;
    this.emit("joined", this.#joined);
    this.#entered?.();
  }

  /** What is new, in order: what concerns the voice after what is still being decoded. @param {Assembled} news */
  #deliver(news) {
    switch (news.type) {
      case "cueStart":
      case "cueAudio":
      case "cueEnd":
        this.#voice.take(news);
        break;
      case "sessionEnded":
        this.#voice.afterwards(() => this.#end(this.#ending.tell(news.reason)));
        break;
      case "caption":
      case "sourceCaption": {
        const { type, ...caption } = news;
        this.emit(type, /** @type {Caption} */ (caption));
        break;
      }
      case "audioDropped":
        this.emit("dropped", { cues: news.cues, seconds: news.seconds });
        break;
      case "languageUnavailable":
        this.emit("unavailable", { language: news.language, reason: news.reason });
        break;
      case "systemRecovered":
        this.emit("recovered", { code: news.code });
        break;
      case "error":
        this.emit("problem", Problem.told(news));
        break;
      default: // The connection's own affairs.
    }
  }

  // ------------------------------------------------------------------ the end

  /** @param {import("./connection.js").Status} status */
  #status(status) {
    if (status.status !== "closed") {
      this.emit("connection", status);
      return;
    }
    this.#voice.afterwards(() => {
      const { ended, status: told } = this.#ending.closed(status);
      this.#end(ended);
      this.emit("connection", told);
    });
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
    this.#entered?.();
    this.#voice.close();
  }

  /**
   * @param {string} action
   * @param {Message["type"]} answer
   * @param {Record<string, unknown>} [fields]
   */
  #ask(action, answer, fields = {}) {
    return this.#questions.ask(action, fields, answer, this.#timing.answerMs);
  }
}
