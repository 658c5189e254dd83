// Captions on a page: what was said stays where it is, what is being said grows behind it, and who has scrolled back is
// left in peace. Segments flow as text does, for many are parts of sentences. The element gets this content, which style.css dresses:
//
//   .captions                    the element; also .reader in reader mode, .behind while it does not follow
//     .captions-lines            scrolls, takes the focus
//       .captions-talk           as tall as its text ever was, so that a line taken back moves nothing
//         p.paragraph > span.segment (.open while it may change) > span.stable, span.tail
//     .captions-said             not seen: a live region that says finals (said.js)
//
// Only the last segments are in the page. Earlier ones leave it by whole paragraphs, so that no line is broken anew, and
// come back, where there is a transcript, when the reader scrolls up to them.

import { Emitter } from "../client/emitter.js";
import { beginsParagraph } from "./paragraphs.js";
import { Said } from "./said.js";
import { Scroll } from "./scroll.js";
import { between, direction, stableEnd } from "./writing.js";

/** @import { Segment, Transcript } from "./transcript.js" */

/**
 * @typedef {object} Options
 * @property {string} [lang] The language of segments that name none.
 * @property {"ltr" | "rtl" | "auto"} [dir] Their direction; by default that of the language.
 * @property {boolean} [follow] Whether the view stays at the end until the reader scrolls back. Default true.
 * @property {boolean} [announce] Whether screen readers are told finals. Default true.
 * @property {string} [label] What a screen reader calls the captions.
 * @property {Transcript} [transcript] Where earlier segments are taken from again.
 * @property {number} [limit] Segments in the page while it follows. Default 300.
 */

/**
 * Whether the view is at the end, and how many finals came since it was not.
 * @typedef {{following: boolean, missed: number}} Follow
 */

/** @typedef {{segment: Segment, element: HTMLElement}} Shown */

/** While the reader looks at what was, the page may hold so many times the limit. */
const READING_BACK = 3;
/** So many come back at a time, and so many more may stay before some leave: each time the page is measured. */
const BATCH = 50;

/**
 * A list of captions in an element. Event `follow`: it began or ceased to follow, or another final came while it does
 * not: offer to jump.
 * @extends {Emitter<{follow: Follow}>}
 */
export class CaptionView extends Emitter {
  /** @type {Shown[]} In the order of the talk. */
  #shown = [];
  #missed = 0;
  #element;
  #talk;
  #scroll;
  #said;
  #options;

  /**
   * @param {HTMLElement} element Empty; its size is the page's to decide.
   * @param {Options} [options]
   */
  constructor(element, { lang = "", dir, follow = true, announce = true, label = "", transcript, limit = 300 } = {}) {
    super();
    this.#element = element;
    this.#options = { lang, dir, transcript, limit };
    const lines = made("div", "captions-lines");
    this.#talk = made("div", "captions-talk");
    lines.append(this.#talk);
    lines.tabIndex = 0;
    lines.setAttribute("role", "region");
    const log = made("div", "captions-said");
    this.#said = new Said(log, announce);
    element.classList.add("captions");
    element.replaceChildren(lines, log);
    this.label = label;
    this.#scroll = new Scroll(lines, this.#talk, follow, {
      followed: () => this.#followed(),
      reachedTop: () => this.#bringBack(),
    });
    this.#prepend(transcript?.segments.slice(-limit) ?? []);
  }

  /** @param {string} label What a screen reader calls the captions. */
  set label(label) {
    for (const part of this.#element.children) {
      if (label) part.setAttribute("aria-label", label);
      else part.removeAttribute("aria-label");
    }
  }

  /** Whether screen readers are told finals. */
  get announce() {
    return this.#said.on;
  }

  set announce(on) {
    this.#said.on = on;
  }

  /** Reader mode: finals only, as paragraphs to read calmly. */
  get reader() {
    return this.#element.classList.contains("reader");
  }

  set reader(on) {
    this.#element.classList.toggle("reader", on);
    this.#scroll.measureAgain();
  }

  /** Whether the view stays at the end. */
  get following() {
    return this.#scroll.following;
  }

  /**
   * Shows what `Transcript.receive` returned.
   * @param {Segment | undefined} segment
   */
  show(segment) {
    if (!segment) return;
    const place = this.#find(segment.segmentId);
    const known = this.#shown[place];
    const isKnown = known?.segment.segmentId === segment.segmentId;
    if (isKnown && segment.text && known.segment.language === segment.language) {
      known.segment = segment;
      this.#write(known);
    } else {
      if (isKnown) this.#remove(place);
      if (segment.text) this.#place(segment);
    }
    if (segment.isFinal && segment.text) this.#finished(segment);
    this.#trim();
  }

  /** To the end, and following from then on. */
  jumpToNow() {
    this.#scroll.toEnd();
  }

  /** Takes everything away. */
  clear() {
    this.#shown = [];
    this.#talk.replaceChildren();
    this.#said.clear();
    this.#scroll.measureAgain();
    this.jumpToNow();
  }

  /** Ends observers and timers; what is shown stays. */
  close() {
    this.#scroll.close();
    this.#said.clear();
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

  /** @param {Segment} segment */
  #place(segment) {
    const place = this.#find(segment.segmentId);
    // It left the page: the transcript has it.
    if (place === 0 && this.#shown.length >= this.#options.limit) return;
    this.#insert(segment, place);
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
      else this.#talk.append(paragraph);
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
    this.#write(shown);
    return shown;
  }

  /**
   * Sets segments before all that are shown, in paragraphs of their own.
   * @param {readonly Segment[]} segments In the order of the talk.
   */
  #prepend(segments) {
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
    this.#talk.prepend(all);
    this.#shown = [...before, ...this.#shown];
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
    const lang = segment.language || this.#options.lang;
    if (lang) element.lang = lang;
    element.dir = (!segment.language && this.#options.dir) || direction(lang);
  }

  /** @param {Shown} shown */
  #write({ segment, element }) {
    const { text, isFinal, stableChars } = segment;
    const end = isFinal ? text.length : stableEnd(text, stableChars);
    element.classList.toggle("open", !isFinal);
    put(element.childNodes[0], text.slice(0, end));
    put(element.childNodes[1], text.slice(end));
    put(element.childNodes[2], between(text, text));
  }

  /** @param {number} place */
  #remove(place) {
    const [{ element }] = this.#shown.splice(place, 1);
    const paragraph = element.parentElement;
    element.remove();
    if (!paragraph?.firstChild) paragraph?.remove();
  }

  /** @param {Segment} segment */
  #finished(segment) {
    // Partials before a final will not be finished any more: their end was lost with a connection.
    let place = this.#find(segment.segmentId) - 1;
    for (; this.#shown[place]?.element.classList.contains("open"); place -= 1) {
      this.#shown[place].element.classList.remove("open");
    }
    this.#said.say(segment, this.#options.lang);
    if (this.following) return;
    this.#missed += 1;
    this.#tell();
  }

  #trim() {
    const most = this.#options.limit * (this.following ? 1 : READING_BACK);
    if (this.#shown.length < most + BATCH) return;
    const firstStaying = this.#shown[this.#shown.length - most].element.parentElement;
    const leaving = this.#shown.findIndex(({ element }) => element.parentElement === firstStaying);
    if (leaving < 1 || !firstStaying) return;
    this.#scroll.keepingPlace(firstStaying, () => {
      for (const { element } of this.#shown.splice(0, leaving)) element.parentElement?.remove();
    });
  }

  #bringBack() {
    const [first] = this.#shown;
    const paragraph = first?.element.parentElement;
    if (!paragraph || this.#shown.length >= this.#options.limit * READING_BACK) return;
    const all = this.#options.transcript?.segments ?? [];
    const end = all.findIndex(({ segmentId }) => segmentId === first.segment.segmentId);
    if (end < 1) return;
    this.#scroll.keepingPlace(paragraph, () => this.#prepend(all.slice(Math.max(end - BATCH, 0), end)));
  }

  #followed() {
    if (this.following) this.#missed = 0;
    this.#element.classList.toggle("behind", !this.following);
    this.#trim();
    this.#tell();
  }

  #tell() {
    this.emit("follow", { following: this.following, missed: this.#missed });
  }
}

/**
 * @param {string} name
 * @param {string} className
 */
function made(name, className) {
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
