// What was said, as one ordered list: a later caption of a segment takes the earlier one's place, late segments take
// theirs. Pure: it holds no element and reads no clock but the one it is given.

/**
 * What comes from the client's events `caption` and `sourceCaption` (which names no language).
 * @typedef {object} Caption
 * @property {number} segmentId
 * @property {string} text Empty: the words were taken back.
 * @property {number} stableChars Characters (code points) at the beginning that will not change.
 * @property {boolean} isFinal
 * @property {number} startMs Offset from the session's first sample.
 * @property {number} endMs Offset from the session's first sample.
 * @property {string} [language]
 */

/**
 * A segment as it stands. Never changed; a later caption makes another.
 * @typedef {object} Segment
 * @property {number} segmentId
 * @property {string} text Empty in what `receive` returns when the segment was taken away.
 * @property {number} stableChars
 * @property {boolean} isFinal
 * @property {number} startMs
 * @property {number} endMs
 * @property {string} language Empty where nobody said it.
 * @property {number} at When this text came, milliseconds since the epoch.
 */

/** Segments that are kept: a day of speech. Beyond, the oldest go. */
export const LIMIT = 20_000;

/** The captions of one listener or speaker, over all connections and languages of a talk. */
export class Transcript {
  /** @type {Segment[]} */
  #segments = [];
  /** @type {Map<number, Segment>} */
  #byId = new Map();
  #forgotten = Number.NEGATIVE_INFINITY;
  #language;
  #limit;

  /**
   * @param {{language?: string, limit?: number}} [options] `language`: of captions that name none, as those of the
   *   source. `limit`: segments that are kept.
   */
  constructor({ language = "", limit = LIMIT } = {}) {
    this.#language = language;
    this.#limit = limit;
  }

  /** All segments in the order of the talk, oldest first. Do not change it. */
  get segments() {
    return /** @type {readonly Segment[]} */ (this.#segments);
  }

  /**
   * Takes a caption. A partial never takes the place of a final, nor does another language: what was read stays.
   * @param {Caption} caption
   * @param {number} [now] Milliseconds since the epoch.
   * @returns {Segment | undefined} The segment as it is now, with empty text when it was taken away; undefined when
   *   nothing changed.
   */
  receive(caption, now = Date.now()) {
    const segment = this.#segment(caption, now);
    const known = this.#byId.get(segment.segmentId);
    if (known?.isFinal && (!segment.isFinal || segment.language !== known.language)) return undefined;
    if (segment.segmentId <= this.#forgotten) return undefined;
    if (!segment.text) return known && this.#remove(segment);
    if (known && same(known, segment)) return undefined;
    this.#byId.set(segment.segmentId, segment);
    const place = this.#placeOf(segment.segmentId);
    this.#segments.splice(place, known ? 1 : 0, segment);
    this.#forgetOldest();
    return this.#byId.get(segment.segmentId);
  }

  /**
   * What will not change any more: finals, and partials that a later final has overtaken, whose end was lost with a
   * connection.
   * @param {string} [language] Only these; all where it is left out.
   * @returns {Segment[]}
   */
  finals(language) {
    const last = this.#segments.findLastIndex((segment) => segment.isFinal);
    const settled = this.#segments.slice(0, last + 1);
    return language === undefined ? settled : settled.filter((segment) => segment.language === language);
  }

  /**
   * @param {Caption} caption
   * @param {number} now
   * @returns {Segment}
   */
  #segment({ segmentId, text, stableChars, isFinal, startMs, endMs, language }, now) {
    return Object.freeze({
      segmentId,
      text: text.trim(),
      stableChars,
      isFinal,
      startMs,
      endMs,
      language: language ?? this.#language,
      at: now,
    });
  }

  /** @param {Segment} segment */
  #remove(segment) {
    this.#byId.delete(segment.segmentId);
    this.#segments.splice(this.#placeOf(segment.segmentId), 1);
    return segment;
  }

  /**
   * Where the segment is, or belongs. Almost always the end, so that is where the search begins.
   * @param {number} segmentId
   */
  #placeOf(segmentId) {
    let place = this.#segments.length;
    while (place > 0 && this.#segments[place - 1].segmentId >= segmentId) place -= 1;
    return place;
  }

  #forgetOldest() {
    while (this.#segments.length > this.#limit) {
      const [oldest] = this.#segments.splice(0, 1);
      this.#byId.delete(oldest.segmentId);
      this.#forgotten = oldest.segmentId;
    }
  }
}

/**
 * @param {Segment} one
 * @param {Segment} other
 */
function same(one, other) {
  return (
    one.text === other.text &&
    one.isFinal === other.isFinal &&
    one.stableChars === other.stableChars &&
    one.language === other.language &&
    one.startMs === other.startMs &&
    one.endMs === other.endMs
  );
}
