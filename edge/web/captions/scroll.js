// How captions scroll: at the end the view goes along with what is said; once the reader scrolls back it stays, until
// the reader is at the end again. What follows the reader's eye is decided by the direction of a scroll: this module
// itself only ever scrolls down, so a step up is the reader's.

/** So near the end counts as there, in lines. */
const NEAR_LINES = 1.5;
/** So near the beginning earlier text is brought back, in heights of the view. */
const NEAR_TOP = 0.5;

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The scrolling of one list. */
export class Scroll {
  #following;
  #last = 0;
  #lines;
  #talk;
  #probe;
  #told;
  #observer;
  #scrolled = () => this.#onScroll();

  /**
   * @param {HTMLElement} lines Scrolls.
   * @param {HTMLElement} talk Its only content.
   * @param {boolean} following
   * @param {{followed: () => void, reachedTop: () => void}} told `followed`: following has changed; `reachedTop`: the
   *   reader is near the first line.
   */
  constructor(lines, talk, following, told) {
    this.#lines = lines;
    this.#talk = talk;
    this.#following = following;
    this.#told = told;
    // Places are kept here, in all browsers alike.
    Object.assign(lines.style, { overflowAnchor: "none", position: "relative" });
    talk.style.boxSizing = "border-box";
    this.#probe = document.createElement("span");
    // As wide as a letter is large: it tells when the size of text changes, or the view's width.
    Object.assign(this.#probe.style, { position: "absolute", inlineSize: "1em", blockSize: "0", visibility: "hidden" });
    this.#probe.ariaHidden = "true";
    lines.append(this.#probe);
    this.#observer = new ResizeObserver((entries) => this.#resized(entries));
    for (const element of [lines, talk, this.#probe]) this.#observer.observe(element);
    lines.addEventListener("scroll", this.#scrolled, { passive: true });
  }

  /** Whether the view stays at the end. */
  get following() {
    return this.#following;
  }

  /** To the end, and following from then on. */
  toEnd() {
    this.#follow(true);
    this.#down();
  }

  /** The text is set anew: its former height means nothing. */
  measureAgain() {
    this.#talk.style.minBlockSize = "";
    this.#settle();
  }

  /**
   * Changes what is before an element, which stays where the reader sees it.
   * @param {HTMLElement} element
   * @param {() => void} change
   */
  keepingPlace(element, change) {
    const [before, height] = [element.offsetTop, this.#talk.offsetHeight];
    change();
    const moved = element.offsetTop - before;
    this.#talk.style.minBlockSize = `${Math.max(height + moved, 0)}px`;
    this.#lines.scrollTop += moved;
    this.#last = this.#lines.scrollTop;
    if (this.#following) this.#down();
  }

  /** Ends it. */
  close() {
    this.#observer.disconnect();
    this.#lines.removeEventListener("scroll", this.#scrolled);
    this.#probe.remove();
  }

  /** @param {ResizeObserverEntry[]} entries */
  #resized(entries) {
    if (entries.some(({ target }) => target !== this.#talk)) this.measureAgain();
    else this.#settle();
  }

  #settle() {
    // Never less tall than it was: a shorter correction would let all lines fall and rise again.
    this.#talk.style.minBlockSize = `${this.#talk.offsetHeight}px`;
    if (this.#following) this.#down();
  }

  #down() {
    const top = this.#lines.scrollHeight - this.#lines.clientHeight;
    const far = top - this.#lines.scrollTop > this.#lines.clientHeight;
    this.#lines.scrollTo({ top, behavior: far || still.matches ? "instant" : "smooth" });
  }

  #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.#lines;
    const near = NEAR_LINES * this.#probe.offsetWidth;
    if (scrollHeight - clientHeight - scrollTop <= near) this.#follow(true);
    else if (scrollTop < this.#last - 1) this.#follow(false);
    this.#last = scrollTop;
    if (!this.#following && scrollTop < NEAR_TOP * clientHeight) this.#told.reachedTop();
  }

  /** @param {boolean} following */
  #follow(following) {
    if (following === this.#following) return;
    this.#following = following;
    this.#told.followed();
  }
}
