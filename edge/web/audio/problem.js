// Why sound cannot be taken in or given out, as words that pages translate. What browsers throw differs; this does not.

/** `name` is for programs, `message` a sentence for developers, `cause` what the browser said. */
export class AudioProblem extends Error {
  /**
   * @param {string} name
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(name, message, cause) {
    super(message, { cause });
    this.name = name;
  }
}

/**
 * `name`: "denied", "missing" (no such device), "busy" (taken by another program), "insecure" (not https), "unsupported",
 * "closed" (by the page, while it was opened).
 */
export class MicrophoneProblem extends AudioProblem {}

/** `name`: "not-allowed" (not called in a tap), "unsupported" (no Web Audio), "unplayable" (the stream). */
export class PlayerProblem extends AudioProblem {}

/** `name`: "unreadable" (no sound that this browser knows), "not-allowed" (not called in a tap), "unsupported". */
export class RecordingProblem extends AudioProblem {}

/**
 * What getUserMedia threw, as a problem.
 * @param {unknown} error
 * @returns {MicrophoneProblem}
 */
export function microphoneProblem(error) {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return new MicrophoneProblem("denied", "the microphone was not allowed", error);
    case "NotFoundError":
    case "OverconstrainedError":
      return new MicrophoneProblem("missing", "there is no such microphone", error);
    case "NotReadableError":
    case "AbortError":
    case "InvalidStateError":
      return new MicrophoneProblem("busy", "the microphone is used by another program", error);
    default:
      return new MicrophoneProblem("unsupported", "this browser gives no microphone", error);
  }
}
