/**
 * Puts what several connections bring, one after the other, together into one sequence. Pure.
 *
 * A refresh or a reconnect repeats what may have been missed: cues from their beginning, captions already seen. A cue's
 * audio is the same each time, so it is counted: of a repeated cue only what was not handed out yet comes through, to
 * the byte. Opus is counted in packets, PCM in bytes; where a cue comes again in the other form, one is turned into the
 * other.
 */

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").CueStart} CueStart */
/** @typedef {import("./messages.js").CueEnd} CueEnd */
/** @typedef {import("./messages.js").Caption | import("./messages.js").SourceCaption} AnyCaption */
/** @typedef {{type: "cueAudio", cueId: string, bytes: Uint8Array}} CueAudio a piece of PCM, or one Opus packet */
/** @typedef {CueEnd & {cut: boolean}} CueOver `cut`: less was heard than there was */
/** @typedef {CueStart & {again?: boolean}} CueBegun `again`: it was begun before, and comes on in the other form */
/** @typedef {Exclude<Message, CueStart | CueEnd> | CueBegun | CueAudio | CueOver} Assembled */

/** Cues and segments that are recognised when repeated: half an hour of speech, of which a server repeats 10 s. */
const REMEMBERED = 512;

/**
 * A cue that nobody has heard: after it the server sends all that it remembers. For who has heard a part of a talk, but
 * no cue to its end.
 */
const NO_CUE = "-";

const OPUS_RATE = 48_000;
const BYTES_PER_SAMPLE = 2;

/** A millisecond is lost in rounding, on both sides. */
const ROUNDING_MS = 2;

class Cue {
  /** Bytes of PCM, or packets of Opus. */
  handedOut = 0;
  done = false;

  /** @param {CueStart} start */
  constructor(start) {
    this.start = start;
  }

  get isOpus() {
    return this.start.audioFormat === "opus";
  }

  /** How much of it was handed out, milliseconds. */
  get heardMs() {
    const { packetMs, preSkip, sampleRate } = this.start;
    if (this.isOpus) {
      return Math.max(0, this.handedOut * packetMs - (preSkip * 1000) / OPUS_RATE);
    }
    return sampleRate ? (1000 * this.handedOut) / (BYTES_PER_SAMPLE * sampleRate) : 0;
  }

  /**
   * It comes again. True where that is in the other form; what was handed out is then counted in that.
   * @param {CueStart} start
   */
  again(start) {
    const heard = this.heardMs;
    const same = this.start.audioFormat === start.audioFormat;
    this.start = start;
    if (!same) {
      const packet = start.packetMs || 1;
      this.handedOut = this.isOpus
        ? Math.floor((heard + (start.preSkip * 1000) / OPUS_RATE) / packet)
        : Math.floor((heard * start.sampleRate) / 1000) * BYTES_PER_SAMPLE;
    }
    return !same;
  }
}

/** `attach` for each new connection, then what it brings in order. */
export class Assembly {
  #connection = 0;
  /** @type {Map<string, Cue>} */
  #cues = new Map();
  /** @type {Map<string, {last: AnyCaption, finals: {connection: number, caption: AnyCaption}[]}>} */
  #captions = new Map();
  /** @type {Cue | undefined} The one that was handed out last and has not ended. */
  #playing;
  /** @type {Cue | undefined} The one whose audio is coming in. */
  #incoming;
  #position = 0;
  #ended = false;
  /** The earliest start of what came in this language, ms of the talk, by kind. */
  #cameIn = { cue: Infinity, caption: Infinity, sourceCaption: Infinity };
  /** The latest start of what came, by kind. */
  #cameLast = { cue: -Infinity, caption: -Infinity, sourceCaption: -Infinity };
  /** The same as it was when this connection began: what it repeats from before that is not for us. */
  #before = { cue: -Infinity, caption: -Infinity, sourceCaption: -Infinity };
  #lastCue = "";

  /** @param {string} [lastCue] the last cue heard by who resumes what it began elsewhere */
  constructor(lastCue = "") {
    this.#lastCue = lastCue;
  }

  /** The last cue that was handed out whole; empty for none in this language. */
  get lastCue() {
    return this.#lastCue;
  }

  /** What to name as the last cue, so that all that was missed is repeated; empty where nothing was heard yet. */
  get resumeAfter() {
    const cameIn = Math.min(this.#cameIn.cue, this.#cameIn.caption, this.#cameIn.sourceCaption);
    return this.#lastCue || (Number.isFinite(cameIn) ? NO_CUE : "");
  }

  /** What follows comes from another connection. A cue under way is expected again, or given up at the next. */
  attach() {
    this.#connection += 1;
    this.#incoming = undefined;
    const { cue, caption, sourceCaption } = this.#cameIn;
    this.#before = { cue: finite(cue), caption: finite(caption), sourceCaption: finite(sourceCaption) };
  }

  /** Another language: it comes in where the last one was, and no cue of that helps to go on. */
  changeLanguage() {
    this.#lastCue = "";
    const { cue, caption } = this.#cameLast;
    this.#cameIn = { ...this.#cameIn, cue: reached(cue), caption: reached(caption) };
    this.#before = { ...this.#before, cue: -Infinity, caption: -Infinity };
  }

  /**
   * What is new in a text message.
   * @param {Message} message
   * @returns {Assembled[]}
   */
  receive(message) {
    switch (message.type) {
      case "cueStart":
        return this.#cueStarted(message);
      case "cueEnd":
        return this.#cueEnded(message);
      case "caption":
        return this.#captioned(`${message.segmentId}/${message.language}`, message);
      case "sourceCaption":
        return this.#captioned(`${message.segmentId}`, message);
      case "sessionEnded": {
        const repeated = this.#ended;
        this.#ended = true;
        return repeated ? [] : [...this.giveUp(), message];
      }
      default:
        return [message];
    }
  }

  /**
   * What is new in a binary message. Audio outside of any cue is dropped: it cannot be placed.
   * @param {Uint8Array} bytes
   * @returns {CueAudio[]}
   */
  receiveAudio(bytes) {
    const cue = this.#incoming;
    if (!cue || cue.done) {
      return [];
    }
    const length = cue.isOpus ? 1 : bytes.length;
    const begins = this.#position;
    this.#position += length;
    const known = Math.max(cue.handedOut - begins, 0);
    if (known >= length) {
      return [];
    }
    cue.handedOut += length - known;
    return [{ type: "cueAudio", cueId: cue.start.cueId, bytes: cue.isOpus ? bytes : bytes.subarray(known) }];
  }

  /**
   * The cue under way will not come to its end.
   * @returns {Assembled[]}
   */
  giveUp() {
    const cue = this.#playing;
    this.#playing = undefined;
    if (!cue || cue.done) {
      return [];
    }
    cue.done = true;
    return [{ type: "cueEnd", cueId: cue.start.cueId, durationMs: Math.floor(cue.heardMs), cut: true }];
  }

  /** @param {CueStart} start @returns {Assembled[]} */
  #cueStarted(start) {
    this.#position = 0;
    const key = `${start.cueId}/${start.language}`;
    const known = this.#cues.get(key);
    if (known) {
      this.#incoming = known;
      return !known.done && known.again(start) ? [{ ...start, again: true }] : [];
    }
    if (this.#isFromBefore(start.startMs, "cue")) {
      this.#incoming = undefined;
      return [];
    }
    const abandoned = this.giveUp();
    const cue = new Cue(start);
    this.#incoming = cue;
    this.#playing = cue;
    remember(this.#cues, key, cue);
    return [...abandoned, start];
  }

  /** @param {CueEnd} end @returns {Assembled[]} */
  #cueEnded(end) {
    const cue = this.#incoming;
    this.#incoming = undefined;
    if (!cue || cue.done || cue.start.cueId !== end.cueId) {
      return [];
    }
    cue.done = true;
    this.#playing = undefined;
    this.#lastCue = end.cueId;
    return [{ ...end, cut: cue.heardMs + ROUNDING_MS < end.durationMs }];
  }

  /**
   * @param {string} key
   * @param {AnyCaption} caption
   * @returns {Assembled[]}
   */
  #captioned(key, caption) {
    let known = this.#captions.get(key);
    if (!known) {
      if (this.#isFromBefore(caption.startMs, caption.type)) {
        return [];
      }
      known = { last: caption, finals: [] };
      remember(this.#captions, key, known);
    } else if (
      same(caption, known.last) ||
      (known.last.isFinal && !caption.isFinal) ||
      // A final that an earlier connection brought must not undo its correction. On one connection there are no
      // repeats: there, going back to an earlier text is one more correction.
      known.finals.some((final) => final.connection < this.#connection && same(final.caption, caption))
    ) {
      return [];
    }
    known.last = caption;
    if (caption.isFinal) {
      known.finals.push({ connection: this.#connection, caption });
    }
    return [caption];
  }

  /** @param {number} startMs @param {"cue" | "caption" | "sourceCaption"} kind */
  #isFromBefore(startMs, kind) {
    const before = startMs < this.#before[kind];
    if (!before) {
      this.#cameIn[kind] = Math.min(this.#cameIn[kind], startMs);
      this.#cameLast[kind] = Math.max(this.#cameLast[kind], startMs);
    }
    return before;
  }
}

/** @param {number} startMs where nothing came yet, nothing is from before */
function finite(startMs) {
  return Number.isFinite(startMs) ? startMs : -Infinity;
}

/** @param {number} startMs where nothing came yet, no place was reached */
function reached(startMs) {
  return Number.isFinite(startMs) ? startMs : Infinity;
}

/** @param {AnyCaption} one @param {AnyCaption} other */
function same(one, other) {
  return (
    one.text === other.text &&
    one.isFinal === other.isFinal &&
    one.stableChars === other.stableChars &&
    one.startMs === other.startMs &&
    one.endMs === other.endMs
  );
}

/**
 * @template T
 * @param {Map<string, T>} memory full: the oldest goes
 * @param {string} key
 * @param {T} value
 */
function remember(memory, key, value) {
  memory.set(key, value);
  if (memory.size > REMEMBERED) {
    memory.delete(/** @type {string} */ (memory.keys().next().value));
  }
}
