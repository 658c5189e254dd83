// What a screen reader says of the captions: finals only, each once, and those that come together in one breath. The
// region holds the last few, so that who walks through the page does not read the talk twice.

import { direction } from "./writing.js";

/** @import { Segment } from "./transcript.js" */

/** Finals that come within this are said together. */
const TOGETHER_MS = 700;
/** After a gap in the connection many come at once: the last ones are said, the rest is there to be read. */
const AT_ONCE = 4;
/** Utterances that stay in the region: long enough for a screen reader that is still busy. */
const KEPT = 3;
/** Segments that are known to have been said. */
const REMEMBERED = 200;

/** A live region. */
export class Said {
  /** @type {Segment[]} Bounded: beyond `AT_ONCE` the oldest goes. */
  #waiting = [];
  /** @type {Set<number>} */
  #said = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #region;
  #on;

  /**
   * @param {HTMLElement} region Not shown, but not hidden from screen readers.
   * @param {boolean} on
   */
  constructor(region, on) {
    this.#region = region;
    region.setAttribute("role", "log");
    region.setAttribute("aria-live", "polite");
    region.setAttribute("aria-relevant", "additions");
    this.#on = on;
  }

  /** Whether anything is said. */
  get on() {
    return this.#on;
  }

  set on(on) {
    this.#on = on;
    if (!on) this.clear();
  }

  /**
   * Takes a final; a corrected one is not said again.
   * @param {Segment} segment
   * @param {string} lang Where the segment names no language.
   */
  say(segment, lang) {
    if (this.#said.has(segment.segmentId)) return;
    this.#said.add(segment.segmentId);
    for (const oldest of this.#said) {
      if (this.#said.size <= REMEMBERED) break;
      this.#said.delete(oldest);
    }
    if (!this.#on) return;
    this.#waiting.push(segment.language ? segment : { ...segment, language: lang });
    if (this.#waiting.length > AT_ONCE) this.#waiting.shift();
    this.#timer ??= setTimeout(() => this.#tell(), TOGETHER_MS);
  }

  /** Nothing more is said, and the region is emptied. */
  clear() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.#region.replaceChildren();
  }

  #tell() {
    this.#timer = undefined;
    for (const { text, language } of this.#waiting.splice(0)) {
      const line = document.createElement("p");
      if (language) line.lang = language;
      line.dir = direction(language);
      line.textContent = text;
      this.#region.append(line);
    }
    while (this.#region.childElementCount > KEPT * AT_ONCE) this.#region.firstElementChild?.remove();
  }
}
