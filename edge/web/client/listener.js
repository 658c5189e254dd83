/**
 * The listener's side: joins a session in a language; captions and voice come as events.
 *
 * Hides how a place in a session is kept: joined once, then resumed with the secret id of the connection before; where
 * that is not known any more, with what was heard last. What language is spoken by now is confirmed by the server, over
 * refreshes, too.
 */
import { Assembly } from "./assembly.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { INITIAL_STATE, moved } from "./messages.js";
import { OpusVoice, supported } from "./opus.js";
import { decoded } from "./pcm.js";
import { Problem } from "./problem.js";
import { Questions } from "./questions.js";
import { TIMING } from "./recovery.js";
import { BROWSER } from "./surroundings.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").BroadcastState} BroadcastState */
/** @typedef {import("./assembly.js").Assembled} Assembled */
/** @typedef {{sessionId: string, sourceLanguage: string, targetLanguage: string, listenerCount: number, qualityTier: string, broadcastState: BroadcastState}} Joined */
/** @typedef {{segmentId: number, text: string, stableChars: number, isFinal: boolean, startMs: number, endMs: number}} SourceCaption */
/** @typedef {SourceCaption & {language: string}} Caption */
/**
 * What a page keeps (sessionStorage) to go on after it was loaded again. `connectionId` is a secret: keep it out of links.
 * @typedef {{connectionId: string, lastCue: string, language?: string, sourceLanguage?: string, qualityTier?: string, at?: number}} Memory
 */
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
 * @property {{cueId: string, segmentId: number, language: string, startMs: number, endMs: number, tempo: number}} cueStart
 * @property {{cueId: string, samples: Float32Array, sampleRate: number}} audio
 * @property {{cueId: string, durationMs: number, cut: boolean}} cueEnd
 * @property {BroadcastState} state
 * @property {{language: string}} languageChanged
 * @property {{cues: number, seconds: number}} dropped
 * @property {{language: string, reason: string}} unavailable
 * @property {{code: string}} recovered
 * @property {{reason: string}} ended
 * @property {import("./connection.js").Status} connection
 * @property {Problem} problem
 */

/** Older memories help nobody: the server remembers the last 10 s of a feed. */
const MEMORY_MS = 60_000;

/** The reason of an end that was found out afterwards. */
const WHILE_AWAY = "while_away";

/** @extends {Emitter<ListenerEvents>} */
export class Listener extends Emitter {
  #sessionId;
  #options;
  #surroundings;
  #timing;
  #connection;
  #questions;
  #assembly;
  /** @type {OpusVoice | undefined} */
  #voice;
  /** @type {"pcm" | "opus" | "off"} */
  #audio;
  #connectionId = "";
  /** What is wanted, what the next connection was asked for, and what the server said. */
  #wanted;
  #requested = "";
  #confirmed = "";
  /** @type {Joined | undefined} */
  #joined;
  #state = INITIAL_STATE;
  /** Of the cue under way: its rate, and in which form it comes. */
  #sampleRate = 16_000;
  #form = "pcm";
  #ended = false;
  #left = false;
  /** @type {(() => void) | undefined} Once the first connection is complete. */
  #entered;

  /**
   * @param {string} origin of the server (`https://example.org`); empty for the page's own
   * @param {string} sessionId such as `faithful-shepherd-427`
   * @param {ListenerOptions} options
   */
  constructor(origin, sessionId, options) {
    super();
    this.#sessionId = sessionId;
    this.#options = options;
    this.#surroundings = options.surroundings ?? BROWSER;
    this.#timing = { ...TIMING, ...options.timing };
    this.#wanted = options.language;
    this.#audio = options.audio ?? "pcm";
    this.#questions = new Questions(this.#surroundings);
    this.#assembly = new Assembly(this.#recalled(options.resume));
    this.#connection = new Connection(origin, this.#identity(), this.#handlers(), this.#timing, this.#surroundings);
  }

  /**
   * Joins. Where the server cannot be reached or has no room at present it goes on trying (event `connection`).
   * Rejects with Problem when it is refused: WRONG_PIN, SESSION_NOT_FOUND, UNSUPPORTED_LANGUAGE (with `languages`) …
   * @returns {Promise<Joined>}
   */
  async open() {
    if (this.#audio === "opus") {
      if (await supported()) {
        this.#useOpus();
      } else {
        this.#audio = "pcm";
      }
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
    return this.#confirmed;
  }

  /** The speaker's switches. */
  get state() {
    return this.#state;
  }

  /** How the voice comes, after what the browser and the server can do. */
  get audioFormat() {
    return this.#audio;
  }

  /** For `resume`, when the page is loaded again. @returns {Memory} */
  get memory() {
    return {
      connectionId: this.#connectionId,
      lastCue: this.#assembly.lastCue,
      language: this.#confirmed,
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
    this.#wanted = code;
    try {
      await this.#ask("changeLanguage", "languageChanged", { targetLanguage: code });
    } finally {
      if (this.#wanted === code) {
        this.#wanted = this.#confirmed;
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
    this.#left = true;
    this.#connection.close();
  }

  // ------------------------------------------------------------------ who is connecting

  /** @param {Memory | undefined} memory @returns {string} the last cue, where that helps */
  #recalled(memory) {
    const age = this.#surroundings.now() - (memory?.at ?? this.#surroundings.now());
    if (!memory || age > MEMORY_MS) {
      return "";
    }
    this.#connectionId = memory.connectionId;
    return (memory.language ?? this.#wanted) === this.#wanted ? memory.lastCue : "";
  }

  /** @returns {import("./connection.js").Identity} */
  #identity() {
    return {
      request: async () => this.#request(),
      answered: (answer) => {
        if (answer.type === "sessionJoined") {
          this.#connectionId = answer.connectionId;
          return true;
        }
        if (answer.type === "connectionRefreshComplete") {
          this.#connectionId = answer.newConnectionId;
          return true;
        }
        return false;
      },
      adapt: (problem) => this.#adapt(problem),
      lost: (clean) => {
        // Who said goodbye, or was told it, has no place to resume.
        this.#connectionId = clean ? "" : this.#connectionId;
      },
      unanswered: () => {},
    };
  }

  /** @returns {Record<string, string>} */
  #request() {
    this.#requested = this.#wanted;
    const { pin, captions } = this.#options;
    const changes = this.#confirmed !== "" && this.#wanted !== this.#confirmed;
    const lastCue = changes ? "" : this.#assembly.resumeAfter;
    /** @type {Record<string, string>} */
    const query =
      this.#connectionId || lastCue ? { action: "refreshConnection", role: "listener" } : { action: "joinSession" };
    const given = {
      sessionId: this.#sessionId,
      targetLanguage: this.#wanted,
      connectionId: this.#connectionId,
      lastCue,
      pin,
      captions,
      audio: this.#audio === "off" ? "off" : "",
      audioFormat: this.#audio === "opus" ? "opus" : "",
    };
    for (const [name, value] of Object.entries(given)) {
      if (value) {
        query[name] = value;
      }
    }
    return query;
  }

  /** @param {Problem} problem */
  #adapt(problem) {
    if (problem.code === "CONFLICT" && this.#connectionId) {
      this.#connectionId = "";
      return true;
    }
    if (problem.code === "INVALID_PARAMETER" && this.#audio === "opus") {
      this.#audio = "pcm";
      return true;
    }
    const language = problem.code === "UNSUPPORTED_LANGUAGE" || problem.code === "INVALID_LANGUAGE";
    if (language && this.#confirmed && this.#wanted !== this.#confirmed) {
      this.#wanted = this.#confirmed;
      this.#questions.withdraw("changeLanguage", problem);
      return true;
    }
    return false;
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
    const language = answer.targetLanguage || this.#wanted;
    if (this.#requested === this.#wanted) {
      this.#wanted = language;
      this.#confirm(language);
    } else if (!this.#questions.pending("changeLanguage")) {
      // The one before changed its language after this one was asked for.
      this.#ask("changeLanguage", "languageChanged", { targetLanguage: this.#wanted }).catch((problem) =>
        this.emit("problem", problem),
      );
    }
  }

  /** @param {string} language */
  #confirm(language) {
    const before = this.#confirmed;
    if (language === before) {
      return;
    }
    this.#confirmed = language;
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
      sessionId: this.#sessionId,
      sourceLanguage: known?.sourceLanguage ?? memory?.sourceLanguage ?? "",
      targetLanguage: this.#confirmed,
      listenerCount: known?.listenerCount ?? 0,
      qualityTier: known?.qualityTier ?? memory?.qualityTier ?? "",
      broadcastState: message.broadcastState,
    };
    this.emit("joined", this.#joined);
    this.#entered?.();
  }

  /** What is new, in order: what concerns the voice after what is still being decoded. @param {Assembled} news */
  #deliver(news) {
    switch (news.type) {
      case "cueStart":
      case "cueAudio":
      case "cueEnd":
        this.#voiced(news);
        break;
      case "sessionEnded":
        this.#inOrder(() => this.#end(news.reason));
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

  /** @param {Assembled & {type: "cueStart" | "cueAudio" | "cueEnd"}} news */
  #voiced(news) {
    if (news.type === "cueStart") {
      if (news.again && this.#form === "opus") {
        this.#voice?.leave();
      }
      this.#form = news.audioFormat;
      this.#sampleRate = news.sampleRate;
      if (!news.again) {
        const { cueId, segmentId, language, startMs, endMs, tempo } = news;
        this.#inOrder(() => this.emit("cueStart", { cueId, segmentId, language, startMs, endMs, tempo }));
      }
      if (this.#form === "opus") {
        this.#voice?.start(news);
      }
    } else if (news.type === "cueAudio") {
      if (this.#form === "opus") {
        this.#voice?.packet(news.bytes);
      } else {
        const audio = { cueId: news.cueId, samples: decoded(news.bytes), sampleRate: this.#sampleRate };
        this.#inOrder(() => this.emit("audio", audio));
      }
    } else if (this.#form === "opus") {
      this.#voice?.end(news);
    } else {
      const { type: _, ...end } = news;
      this.#inOrder(() => this.emit("cueEnd", end));
    }
  }

  /** @param {() => void} act */
  #inOrder(act) {
    if (this.#voice) {
      this.#voice.after(act);
    } else {
      act();
    }
  }

  #useOpus() {
    this.#voice = new OpusVoice({
      audio: (cueId, samples, sampleRate) => this.emit("audio", { cueId, samples, sampleRate }),
      end: ({ type: _, ...end }) => this.emit("cueEnd", end),
      failed: () => {
        this.#audio = "pcm";
        this.#connection.refresh();
      },
    });
  }

  // ------------------------------------------------------------------ the end

  /** @param {import("./connection.js").Status} status */
  #status(status) {
    if (status.status !== "closed") {
      this.emit("connection", status);
      return;
    }
    const gone = this.#hasGone(status.problem);
    this.#inOrder(() => {
      if (gone || (this.#joined && !status.problem && !this.#left)) {
        this.#end(gone ? WHILE_AWAY : "");
      }
      this.emit("connection", gone ? { status: "closed" } : status);
    });
  }

  /**
   * A session that ended while nobody could tell has ended like any other.
   * @param {Problem | undefined} problem
   */
  #hasGone(problem) {
    return this.#joined !== undefined && problem?.code === "SESSION_NOT_FOUND";
  }

  /** @param {string} reason */
  #end(reason) {
    if (!this.#ended) {
      this.#ended = true;
      this.emit("ended", { reason });
    }
  }

  /** @param {Problem | undefined} problem */
  #over(problem) {
    const over = Problem.own("CLOSED", "the session has ended or was left");
    this.#questions.close(!problem || this.#hasGone(problem) ? over : problem);
    this.#entered?.();
    const voice = this.#voice;
    voice?.after(() => voice.close());
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
