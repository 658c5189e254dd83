/** Whether it is over and what is told of it, which is the same for speakers and listeners. Pure. */
import { Problem } from "./problem.js";

/** @typedef {import("./connection.js").Status} Status */

/** The reason of an end that was found out afterwards. */
const WHILE_AWAY = "while_away";

export class Ending {
  #told = false;
  /** The session was entered: from then on one that is not there any more has ended. */
  entered = false;
  /** Its own side left, which is no end of the session. */
  left = false;

  /** Nothing more is to come or to be sent. */
  get over() {
    return this.#told || this.left;
  }

  /**
   * What to tell of an end, which is told once.
   * @param {string} reason
   * @returns {{reason: string} | undefined}
   */
  tell(reason) {
    if (this.#told) {
      return undefined;
    }
    this.#told = true;
    return { reason };
  }

  /**
   * What a connection that closed for good means. A session that ended while nobody could tell has ended like any other.
   * @param {Status} status
   * @returns {{ended: {reason: string} | undefined, status: Status}}
   */
  closed(status) {
    if (this.#isGone(status.problem)) {
      return { ended: this.tell(WHILE_AWAY), status: { status: "closed" } };
    }
    const over = this.entered && !status.problem && !this.left;
    return { ended: over ? this.tell("") : undefined, status };
  }

  /**
   * What those who still wait for an answer are told.
   * @param {Problem | undefined} problem
   */
  unanswered(problem) {
    return problem && !this.#isGone(problem) ? problem : Problem.own("CLOSED", "the session has ended or was left");
  }

  /** @param {Problem | undefined} problem */
  #isGone(problem) {
    return this.entered && problem?.code === "SESSION_NOT_FOUND";
  }
}
