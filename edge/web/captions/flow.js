// Segments as flowing text: in the order of the talk, in paragraphs, each with its own language and direction. What a
// late segment, a correction, or a change of language does to the page is decided here; scrolling is not.

import { beginsParagraph } from "./paragraphs.js";
import { between, direction, stableEnd } from "./writing.js";

/** @import { Segment } from "./transcript.js" */

/** @typedef {{segment: Segment, element: HTMLElement}} Shown */

/** The text in one element. */
export class Flow {
  /** @type {Shown[]} In the order of the talk. */
  #shown = [];
  #element;
  #lang;
  #dir;

  /**
   * @param {HTMLElement} element Gets the paragraphs.
   * @param {string} lang Of segments that name none.
   * @param {"ltr" | "rtl" | "auto"} [dir] Of these; by default that of the language.
   */
  constructor(element, lang, dir) {
    this.#element = element;
    this.#lang = lang;
    this.#dir = dir;
  }

  /** How many segments are in the page. */
  get size() {
    return this.#shown.length;
  }

  /** The first segment in the page. */
  get first() {
    return this.#shown[0]?.segment;
  }

  /** The first paragraph in the page. @returns {HTMLElement | null | undefined} */
  get beginning() {
    return this.#shown[0]?.element.parentElement;
  }

  /**
   * Shows a segment as it is now; without text it goes.
   * @param {Segment} segment
   * @param {boolean} evenFirst Whether it may stand before all others; else it is not shown then.
   */
  put(segment, evenFirst) {
    const place = this.#find(segment.segmentId);
    const known = this.#shown[place];
    const isKnown = known?.segment.segmentId === segment.segmentId;
    if (isKnown && segment.text && known.segment.language === segment.language) {
      known.segment = segment;
      write(known);
      return;
    }
    if (isKnown) this.#remove(place);
    if (segment.text && (place > 0 || evenFirst)) this.#insert(segment, place);
  }

  /**
   * Partials before a final will not be finished any more: their end was lost with a connection.
   * @param {number} segmentId Of the final.
   */
  settleBefore(segmentId) {
    let place = this.#find(segmentId) - 1;
    for (; this.#shown[place]?.element.classList.contains("open"); place -= 1) {
      this.#shown[place].element.classList.remove("open");
    }
  }

  /**
   * Sets segments before all that are shown, in paragraphs of their own.
   * @param {readonly Segment[]} segments In the order of the talk.
   */
  prepend(segments) {
    const all = document.createDocumentFragment();
    /** @type {Shown[]} */
    const before = [];
    let paragraph = made("p", "paragraph");
    for (const segment of segments) {
      if (beginsParagraph(before.at(-1)?.segment, segment, paragraph.textContent?.length ?? 0)) {
        paragraph = made("p", "paragraph");
        this.#tongue(paragraph, segment);
        all.append(paragraph);
      }
      const shown = this.#made(segment);
      paragraph.append(shown.element);
      before.push(shown);
    }
    this.#element.prepend(all);
    this.#shown = [...before, ...this.#shown];
  }

  /**
   * The paragraph with which the text would begin, were all but the last segments gone; none where nothing would go.
   * @param {number} most Segments that stay; the rest of their first paragraph stays as well.
   * @returns {HTMLElement | undefined}
   */
  beginningOf(most) {
    const paragraph = this.#shown[this.#shown.length - most]?.element.parentElement;
    return paragraph && paragraph !== this.beginning ? paragraph : undefined;
  }

  /**
   * Takes away what is before a paragraph.
   * @param {HTMLElement} paragraph
   */
  removeBefore(paragraph) {
    const leaving = this.#shown.findIndex(({ element }) => element.parentElement === paragraph);
    for (const { element } of this.#shown.splice(0, leaving)) element.parentElement?.remove();
  }

  /** Takes everything away. */
  clear() {
    this.#shown = [];
    this.#element.replaceChildren();
  }

  /**
   * Where the segment is shown, or belongs.
   * @param {number} segmentId
   */
  #find(segmentId) {
    let place = this.#shown.length;
    while (place > 0 && this.#shown[place - 1].segment.segmentId >= segmentId) place -= 1;
    return place;
  }

  /**
   * @param {Segment} segment
   * @param {number} place
   */
  #insert(segment, place) {
    const shown = this.#made(segment);
    const [before, after] = [this.#shown[place - 1], this.#shown[place]];
    if (before && !this.#breaks(before, segment, after)) before.element.after(shown.element);
    else if (after && (before || after.segment.language === segment.language)) after.element.before(shown.element);
    else {
      const paragraph = made("p", "paragraph");
      this.#tongue(paragraph, segment);
      paragraph.append(shown.element);
      if (after) after.element.parentElement?.before(paragraph);
      else this.#element.append(paragraph);
    }
    this.#shown.splice(place, 0, shown);
  }

  /**
   * @param {Segment} segment
   * @returns {Shown}
   */
  #made(segment) {
    const shown = { segment, element: made("span", "segment") };
    shown.element.append(made("span", "stable"), made("span", "tail"), "");
    this.#tongue(shown.element, segment);
    write(shown);
    return shown;
  }

  /**
   * Whether the segment does not go on in the paragraph of the one before. A late one divides no paragraph.
   * @param {Shown} before
   * @param {Segment} segment
   * @param {Shown | undefined} after
   */
  #breaks(before, segment, after) {
    const paragraph = before.element.parentElement;
    if (after) return after.element.parentElement !== paragraph && after.segment.language === segment.language;
    return beginsParagraph(before.segment, segment, paragraph?.textContent?.length ?? 0);
  }

  /**
   * @param {HTMLElement} element
   * @param {Segment} segment
   */
  #tongue(element, segment) {
    const lang = segment.language || this.#lang;
    if (lang) element.lang = lang;
    element.dir = (!segment.language && this.#dir) || direction(lang);
  }

  /** @param {number} place */
  #remove(place) {
    const [{ element }] = this.#shown.splice(place, 1);
    const paragraph = element.parentElement;
    element.remove();
    if (!paragraph?.firstChild) paragraph?.remove();
  }
}

/** @param {Shown} shown */
function write({ segment, element }) {
  const { text, isFinal, stableChars } = segment;
  const end = isFinal ? text.length : stableEnd(text, stableChars);
  element.classList.toggle("open", !isFinal);
  put(element.childNodes[0], text.slice(0, end));
  put(element.childNodes[1], text.slice(end));
  put(element.childNodes[2], between(text, text));
}

/**
 * An element with a class.
 * @param {string} name
 * @param {string} className
 */
export function made(name, className) {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

/**
 * Writes only what has changed, so that a selection and a screen reader's place survive.
 * @param {ChildNode} node
 * @param {string} text
 */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
