/**
 * A listener's place in a session: what to ask for, and what to ask for when that is refused. Pure.
 *
 * Hides how a place is kept: joined once, then resumed with the secret id of the connection before; where that is not
 * known any more, with what was heard last. And which language it is: the wanted one, the one that the next connection
 * was asked for, and the one that the server said differ while something is on its way.
 */

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./problem.js").Problem} Problem */
/**
 * What a page keeps (sessionStorage) to go on after it was loaded again. `connectionId` is a secret: keep it out of links.
 * @typedef {{connectionId: string, lastCue: string, language?: string, sourceLanguage?: string, qualityTier?: string, at?: number}} Memory
 */
/** @typedef {"pcm" | "opus" | "off"} Audio */

/** Older memories help nobody: the server remembers the last 10 s of a feed. */
const MEMORY_MS = 60_000;

export class Place {
  sessionId;
  #pin;
  #captions;
  #requested = "";
  /** The secret of the connection that may be resumed; empty for none. */
  connectionId = "";
  /** The last cue heard before the page was loaded again; empty for none. */
  heardBefore = "";
  /** The language that the server said; empty before it did. */
  confirmed = "";
  wanted;
  /** @type {Audio} */
  audio;

  /**
   * @param {string} sessionId
   * @param {{language: string, pin?: string, captions?: "source", audio?: Audio, resume?: Memory}} options
   * @param {number} now milliseconds since the epoch
   */
  constructor(sessionId, { language, pin, captions, audio = "pcm", resume }, now) {
    this.sessionId = sessionId;
    this.#pin = pin;
    this.#captions = captions;
    this.wanted = language;
    this.audio = audio;
    if (resume && now - (resume.at ?? now) <= MEMORY_MS) {
      this.connectionId = resume.connectionId;
      this.heardBefore = (resume.language ?? language) === language ? resume.lastCue : "";
    }
  }

  /**
   * The query of the next connection.
   * @param {string} resumeAfter the cue after which what was missed is to be sent again; empty for none
   * @returns {Record<string, string>}
   */
  request(resumeAfter) {
    this.#requested = this.wanted;
    const changes = this.confirmed !== "" && this.wanted !== this.confirmed;
    const lastCue = changes ? "" : resumeAfter;
    const again = this.connectionId !== "" || lastCue !== "";
    const wishes = {
      action: again ? "refreshConnection" : "joinSession",
      role: again ? "listener" : "",
      sessionId: this.sessionId,
      targetLanguage: this.wanted,
      connectionId: this.connectionId,
      lastCue,
      pin: this.#pin,
      captions: this.#captions,
      audio: this.audio === "off" ? "off" : "",
      audioFormat: this.audio === "opus" ? "opus" : "",
    };
    /** @type {Record<string, string>} */
    const query = {};
    for (const [name, value] of Object.entries(wishes)) {
      if (value) {
        query[name] = value;
      }
    }
    return query;
  }

  /**
   * Takes note of a connection's first message; false when it is none that was asked for.
   * @param {Message} answer
   */
  answered(answer) {
    if (answer.type === "sessionJoined") {
      this.connectionId = answer.connectionId;
      return true;
    }
    if (answer.type === "connectionRefreshComplete") {
      this.connectionId = answer.newConnectionId;
      return true;
    }
    return false;
  }

  /**
   * A connection is gone. Who said goodbye, or was told it (`clean`), has no place to resume.
   * @param {boolean} clean
   */
  lost(clean) {
    this.connectionId = clean ? "" : this.connectionId;
  }

  /**
   * What was given up after a refusal, so that another request is worth making at once; undefined for nothing.
   * @param {Problem} problem
   * @returns {"place" | "opus" | "language" | undefined}
   */
  adapt(problem) {
    if (problem.code === "CONFLICT" && this.connectionId) {
      this.connectionId = "";
      return "place";
    }
    if (problem.code === "INVALID_PARAMETER" && this.audio === "opus") {
      this.audio = "pcm";
      return "opus";
    }
    const language = problem.code === "UNSUPPORTED_LANGUAGE" || problem.code === "INVALID_LANGUAGE";
    if (language && this.confirmed && this.wanted !== this.confirmed) {
      this.wanted = this.confirmed;
      return "language";
    }
    return undefined;
  }

  /**
   * Whether a connection's language is the wanted one, which is then called as the server calls it. It is not where the
   * connection before was told another after this one was asked for.
   * @param {string} language
   */
  arrived(language) {
    if (this.#requested !== this.wanted) {
      return false;
    }
    this.wanted = language;
    return true;
  }
}
