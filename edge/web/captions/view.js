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
import { Flow, made } from "./flow.js";
import { Said } from "./said.js";
import { Scroll } from "./scroll.js";

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
  #missed = 0;
  #element;
  #flow;
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
    this.#options = { lang, transcript, limit };
    const lines = made("div", "captions-lines");
    const talk = made("div", "captions-talk");
    this.#flow = new Flow(talk, lang, dir);
    this.#flow.prepend(transcript?.segments.slice(-limit) ?? []);
    lines.append(talk);
    lines.tabIndex = 0;
    lines.setAttribute("role", "region");
    const log = made("div", "captions-said");
    this.#said = new Said(log, announce);
    element.classList.add("captions");
    element.replaceChildren(lines, log);
    this.label = label;
    this.#scroll = new Scroll(lines, talk, follow, {
      followed: () => this.#followed(),
      reachedTop: () => this.#bringBack(),
    });
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
    // What has left the page is with the transcript.
    this.#flow.put(segment, this.#flow.size < this.#options.limit);
    if (segment.isFinal && segment.text) this.#finished(segment);
    this.#trim();
  }

  /** To the end, and following from then on. */
  jumpToNow() {
    this.#scroll.toEnd();
  }

  /** Takes everything away. */
  clear() {
    this.#flow.clear();
    this.#said.clear();
    this.#scroll.measureAgain();
    this.jumpToNow();
  }

  /** Ends observers and timers; what is shown stays. */
  close() {
    this.#scroll.close();
    this.#said.clear();
  }

  /** @param {Segment} segment */
  #finished(segment) {
    this.#flow.settleBefore(segment.segmentId);
    this.#said.say(segment, this.#options.lang);
    if (this.following) return;
    this.#missed += 1;
    this.#tell();
  }

  #trim() {
    const most = this.#options.limit * (this.following ? 1 : READING_BACK);
    if (this.#flow.size < most + BATCH) return;
    const beginning = this.#flow.beginningOf(most);
    if (beginning) this.#scroll.keepingPlace(beginning, () => this.#flow.removeBefore(beginning));
  }

  #bringBack() {
    const { first, beginning, size } = this.#flow;
    if (!beginning || size >= this.#options.limit * READING_BACK) return;
    const all = this.#options.transcript?.segments ?? [];
    const end = all.findIndex(({ segmentId }) => segmentId === first?.segmentId);
    if (end < 1) return;
    this.#scroll.keepingPlace(beginning, () => this.#flow.prepend(all.slice(Math.max(end - BATCH, 0), end)));
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
