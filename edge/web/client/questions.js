/**
 * Messages that want an answer, one at a time, for answers carry no number.
 *
 * Hides that the connection may go between question and answer: the question is asked again on the next one, which every
 * action of the protocol allows. A later question of the same action replaces one that was not asked yet (a slider that
 * is dragged), so no more wait than there are actions.
 */
import { Problem } from "./problem.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./wire.js").Wire} Wire */
/**
 * @typedef {object} Question
 * @property {string} action
 * @property {Record<string, unknown>} fields
 * @property {Message["type"]} answer
 * @property {number} deadlineMs
 * @property {((answer: Message) => void)[]} resolve
 * @property {((problem: Problem) => void)[]} reject
 * @property {Wire} [askedOn]
 */

/** Refusals of audio answer no question, whatever is waiting. */
const AUDIO_CODES = new Set(["AUDIO_CHUNK_TOO_LARGE", "AUDIO_CHUNK_TOO_SMALL", "INVALID_AUDIO_FORMAT"]);

export class Questions {
  #surroundings;
  /** @type {Question[]} The first may be asked already. */
  #waiting = [];
  /** @type {Wire | undefined} */
  #wire;
  /** @type {Problem | undefined} */
  #over;
  #stopTimer = () => {};

  /** @param {import("./surroundings.js").Surroundings} surroundings */
  constructor(surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * Rejects with Problem: the server's refusal, NO_ANSWER on an open connection, CLOSED.
   * @param {string} action
   * @param {Record<string, unknown>} fields
   * @param {Message["type"]} answer
   * @param {number} deadlineMs
   * @returns {Promise<Message>}
   */
  ask(action, fields, answer, deadlineMs) {
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(this.#over);
        return;
      }
      const unasked = this.#waiting.find((question) => question.action === action && !question.askedOn);
      if (unasked) {
        unasked.fields = fields;
        unasked.resolve.push(resolve);
        unasked.reject.push(reject);
      } else {
        this.#waiting.push({ action, fields, answer, deadlineMs, resolve: [resolve], reject: [reject] });
      }
      this.#next();
    });
  }

  /** Whether a question of this action waits or was asked. @param {string} action */
  pending(action) {
    return this.#waiting.some((question) => question.action === action);
  }

  /** Questions go to this connection now; what was asked on another and not answered is asked again. @param {Wire} wire */
  attach(wire) {
    if (wire === this.#wire) {
      return;
    }
    this.#wire = wire;
    this.#stopTimer();
    for (const question of this.#waiting) {
      question.askedOn = undefined;
    }
    this.#next();
  }

  /** There is no connection for now. */
  detach() {
    this.#wire = undefined;
    this.#stopTimer();
  }

  /**
   * True where the message is a refusal that whoever asked is told, and nobody else needs to be.
   * @param {Message} message
   */
  receive(message) {
    const asked = this.#waiting[0];
    if (!asked?.askedOn) {
      return false;
    }
    if (message.type === "error" && !AUDIO_CODES.has(message.code)) {
      this.#refuse(Problem.told(message));
      return true;
    }
    if (message.type === asked.answer) {
      this.#done();
      for (const resolve of asked.resolve) {
        resolve(message);
      }
    }
    return false;
  }

  /**
   * What waits of an action will not be answered.
   * @param {string} action
   * @param {Problem} problem
   */
  withdraw(action, problem) {
    const withdrawn = this.#waiting.filter((question) => question.action === action);
    this.#waiting = this.#waiting.filter((question) => question.action !== action);
    for (const reject of withdrawn.flatMap((question) => question.reject)) {
      reject(problem);
    }
  }

  /** Nothing will be answered any more. @param {Problem} problem */
  close(problem) {
    this.#over = problem;
    this.detach();
    for (const question of this.#waiting.splice(0)) {
      for (const reject of question.reject) {
        reject(problem);
      }
    }
  }

  /** @param {Problem} problem */
  #refuse(problem) {
    const asked = this.#waiting[0];
    this.#done();
    for (const reject of asked?.reject ?? []) {
      reject(problem);
    }
  }

  #done() {
    this.#stopTimer();
    this.#waiting.shift();
    this.#next();
  }

  #next() {
    const question = this.#waiting[0];
    if (!question || question.askedOn || !this.#wire?.alive) {
      return;
    }
    question.askedOn = this.#wire;
    const silent = Problem.own("NO_ANSWER", `no answer to ${question.action}`);
    this.#stopTimer = this.#surroundings.later(question.deadlineMs, () => this.#refuse(silent));
    this.#wire.send(question.action, question.fields);
  }
}
