// How a talk comes to be: a session is opened, gone on with by who comes back, or ended by them. One attempt at a time.
// Hides what is waited for and what is given up: a server that does not answer is tried again, a talk that the same
// person still gives elsewhere is not, for it would begin here when nobody expects it any more.

import { Speaker } from "../../client.js";

/** @import { Problem } from "../../client.js" */
/** @import { Created, Resumed, SpeakerOptions } from "../../client/speaker.js" */
/** @import { Connection } from "./broadcast.js" */
/** @import { Talk } from "./talk.js" */

export class Entrance {
  /**
   * @param {() => string} token the present one
   * @param {object} handlers
   * @param {(connection: Connection | undefined) => void} handlers.waiting how the attempt stands; undefined: it is over
   * @param {(problem: Problem) => void} handlers.refused
   */
  constructor(token, handlers) {
    this.token = token;
    this.handlers = handlers;
    /** @type {Speaker | undefined} */
    this.speaker = undefined;
  }

  /** Whether an attempt is under way. */
  get isBusy() {
    return this.speaker !== undefined;
  }

  /** Gives the attempt up. */
  cancel() {
    this.speaker?.close();
  }

  /**
   * A new session.
   *
   * @param {SpeakerOptions} options
   * @returns {Promise<{speaker: Speaker, created: Created} | undefined>} undefined: refused, which was told, or cancelled
   */
  async create(options) {
    const opened = await this.#open(options);
    return opened && { speaker: opened.speaker, created: /** @type {Created} */ (opened.answer) };
  }

  /**
   * A session that is open already.
   *
   * @param {Talk} talk
   * @param {import("./glossary.js").Term[]} glossary
   * @returns {Promise<{speaker: Speaker, resumed: Resumed} | undefined>} undefined as above
   */
  async resume({ sessionId, sourceLanguage }, glossary) {
    const opened = await this.#open({ sourceLanguage, glossary, resume: { sessionId } });
    return opened && { speaker: opened.speaker, resumed: /** @type {Resumed} */ (opened.answer) };
  }

  /**
   * Ends a session that is open already.
   *
   * @param {Talk} talk
   * @returns {Promise<boolean>} false: refused, which was told
   */
  async end(talk) {
    const opened = await this.resume(talk, []);
    if (!opened) return false;
    try {
      await opened.speaker.end();
      return true;
    } catch (error) {
      this.handlers.refused(/** @type {Problem} */ (error));
      return false;
    } finally {
      opened.speaker.close();
    }
  }

  /** @param {SpeakerOptions} options */
  async #open(options) {
    const speaker = new Speaker("", this.token, options);
    this.speaker = speaker;
    const following = speaker.on("connection", (connection) => {
      this.handlers.waiting(connection);
      if (connection.problem?.code !== "MAX_SESSIONS_EXCEEDED" || connection.status === "closed") return;
      this.handlers.refused(connection.problem);
      // Not in the middle of what the connection is telling.
      queueMicrotask(() => speaker.close());
    });
    try {
      return { speaker, answer: await speaker.open() };
    } catch (error) {
      speaker.close();
      const problem = /** @type {Problem} */ (error);
      if (problem.code !== "CLOSED") this.handlers.refused(problem);
      return undefined;
    } finally {
      following();
      this.speaker = undefined;
      this.handlers.waiting(undefined);
    }
  }
}
