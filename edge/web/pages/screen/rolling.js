// Lines of captions over a picture or on a wall. They begin where the address wants them, at the bottom if nothing is
// said, and roll up by whole lines once there is no room below; a line stays where it is until the next is needed, also
// when words are taken back. Segments flow on, a sentence begins a line, and
// leaves the page as a whole, so that no line is broken anew. After a silence all of them go.
//
//   .box > .rolling (moves) > .rolled (is moved) > p.sentence > span.words > span.segment (.open) > span.stable, span.tail
//
// No live region: a screen reader at the projector would speak into the hall.

import { beginsLine } from "../../captions/paragraphs.js";
import { between, direction, stableEnd } from "../../captions/writing.js";

/** @import { Segment } from "../../captions/transcript.js" */

/** How long rolling by a line takes. */
const ROLL_MS = 260;
/** How long vanishing takes. */
const FADE_MS = 500;
/** Sentences in the page, whatever the window shows. */
const MOST = 40;

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** One column. */
export class Rolling {
  /** @type {{segment: Segment, element: HTMLElement}[]} In the order of the talk. */
  #shown = [];
  /** How far the text is above the top of the box, CSS pixels; below it, where it is negative. */
  #offset = 0;
  #start = 0;
  #height = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  /** @type {Animation | undefined} */
  #fading;
  #box;
  #mover;
  #text;
  #hold;
  #place;

  /**
   * @param {HTMLElement} element Gets a box with the lines.
   * @param {number} hold Seconds of silence after which the lines go; 0: never.
   * @param {"top" | "middle" | "bottom"} [place] Of the first line.
   */
  constructor(element, hold, place = "bottom") {
    this.#hold = hold;
    this.#place = place;
    // What moves and what is moved are two: an animation of the one never meets a change of the other.
    this.#text = made("div", "rolled");
    this.#mover = made("div", "rolling");
    this.#box = made("div", "box");
    this.#mover.append(this.#text);
    this.#box.append(this.#mover);
    element.append(this.#box);
  }

  /**
   * The room for lines has changed.
   * @param {number} lines
   * @param {number} lineHeight CSS pixels.
   */
  resize(lines, lineHeight) {
    this.#height = lines * lineHeight;
    this.#box.style.blockSize = `${this.#height}px`;
    const above = { top: 0, middle: Math.floor((lines - 1) / 2), bottom: lines - 1 }[this.#place];
    this.#start = above ? -above * lineHeight : 0;
    this.#offset = this.#start;
    this.#roll(false);
  }

  /**
   * Shows what `Transcript.receive` returned.
   * @param {Segment | undefined} segment
   */
  show(segment) {
    if (!segment) return;
    const place = this.#find(segment.segmentId);
    const known = this.#shown[place]?.segment.segmentId === segment.segmentId ? this.#shown[place] : undefined;
    if (!segment.text) {
      if (known) this.#remove(place);
    } else if (known) {
      known.segment = segment;
      write(known.element, segment);
    } else this.#insert(segment, place);
    if (segment.isFinal) this.#overtake(place);
    this.#roll(true);
    this.#listen();
  }

  /** Takes all lines away. */
  clear() {
    this.#shown = [];
    this.#offset = this.#start;
    this.#text.replaceChildren();
    this.#roll(false);
  }

  /** Ends its timer. */
  close() {
    this.#fading?.cancel();
    clearTimeout(this.#silence);
  }

  /** @param {number} segmentId */
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
    // What is late for all that is shown is too late.
    if (place === 0 && this.#shown.length) return;
    const element = made("span", "segment");
    element.append(made("span", "stable"), made("span", "tail"), "");
    write(element, segment);
    const before = this.#shown[place - 1];
    const length = before?.element.parentElement?.textContent?.length ?? 0;
    // A late one divides no sentence.
    if (before && (place < this.#shown.length || !beginsLine(before.segment, segment, length))) {
      before.element.after(element);
    } else {
      const sentence = made("p", "sentence");
      sentence.lang = segment.language;
      sentence.dir = direction(segment.language);
      const words = sentence.appendChild(made("span", "words"));
      words.append(element);
      this.#text.append(sentence);
    }
    this.#shown.splice(place, 0, { segment, element });
  }

  /** @param {number} place */
  #remove(place) {
    const [{ element }] = this.#shown.splice(place, 1);
    const sentence = element.closest(".sentence");
    element.remove();
    if (!sentence?.textContent) sentence?.remove();
  }

  /**
   * Partials before a final will not be finished any more.
   * @param {number} place
   */
  #overtake(place) {
    for (let at = place - 1; this.#shown[at]?.element.classList.contains("open"); at -= 1) {
      this.#shown[at].element.classList.remove("open");
    }
  }

  /** @param {boolean} smoothly */
  #roll(smoothly) {
    this.#trim();
    // Never back: an empty line at the end is calmer than lines that fall.
    const offset = Math.max(this.#text.offsetHeight - this.#height, this.#offset);
    const moved = offset - this.#offset;
    this.#offset = offset;
    this.#text.style.transform = offset ? `translateY(${-offset}px)` : "";
    if (moved <= 0 || !smoothly || still.matches || moved > this.#height) return;
    const already = new DOMMatrix(getComputedStyle(this.#mover).transform).m42;
    const from = { transform: `translateY(${moved + already}px)` };
    this.#mover.animate([from, { transform: "none" }], { duration: ROLL_MS, easing: "ease-out" });
  }

  /** What has left the box, and is not just rolling out of it, leaves the page. */
  #trim() {
    for (let first = this.#text.firstElementChild; first instanceof HTMLElement; first = this.#text.firstElementChild) {
      const gone = first.offsetHeight <= this.#offset - this.#height;
      if (!gone && this.#text.childElementCount <= MOST) return;
      this.#offset = Math.max(this.#offset - first.offsetHeight, this.#start);
      const left = this.#shown.findIndex(({ element }) => !first.contains(element));
      this.#shown.splice(0, left < 0 ? this.#shown.length : left);
      first.remove();
    }
  }

  #listen() {
    this.#fading?.cancel();
    clearTimeout(this.#silence);
    if (this.#hold) this.#silence = setTimeout(() => this.#fade(), this.#hold * 1000);
  }

  #fade() {
    if (still.matches) {
      this.clear();
      return;
    }
    this.#fading = this.#box.animate([{ opacity: 1 }, { opacity: 0 }], { duration: FADE_MS, easing: "ease-in" });
    this.#fading.onfinish = () => this.clear();
  }
}

/**
 * @param {HTMLElement} element
 * @param {Segment} segment
 */
function write(element, { text, stableChars, isFinal }) {
  const end = isFinal ? text.length : stableEnd(text, stableChars);
  element.classList.toggle("open", !isFinal);
  const [stable, tail, space] = element.childNodes;
  stable.textContent = text.slice(0, end);
  tail.textContent = text.slice(end);
  space.textContent = between(text, text);
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
