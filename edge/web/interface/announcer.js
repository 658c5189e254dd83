// Says things to screen readers that sighted people see by themselves. One thing at a time: a reader that is given
// five at once reads none to its end. What is said again while it waits waits once; of too many the oldest go.

const APART_MS = 1_500;
const CLEARED_MS = 10_000;
const MOST = 3;

/** What waits to be said; pure. Holds at most three: the oldest goes. */
export class Announcements {
  /** @type {string[]} */ #waiting = [];
  #free = 0;

  /** @param {string} text */
  add(text) {
    const plain = text.trim();
    if (!plain) return;
    this.#waiting = [...this.#waiting.filter((other) => other !== plain), plain].slice(-MOST);
  }

  /**
   * @param {number} now milliseconds
   * @returns {string | undefined} what is to be said now
   */
  next(now) {
    if (now < this.#free) return undefined;
    const text = this.#waiting.shift();
    if (text !== undefined) this.#free = now + APART_MS;
    return text;
  }

  /**
   * @param {number} now milliseconds
   * @returns {number | undefined} how long until next() has something; undefined where nothing waits
   */
  wait(now) {
    return this.#waiting.length ? Math.max(0, this.#free - now) : undefined;
  }
}

/** A region of the page that is read out when its text changes. */
class Region {
  #announcements = new Announcements();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {HTMLElement | undefined} */ #element;
  #ready = 0;
  #politeness;

  /** @param {"polite" | "assertive"} politeness */
  constructor(politeness) {
    this.#politeness = politeness;
  }

  /** @param {string} text */
  say(text) {
    this.#announcements.add(text);
    if (!this.#element) {
      this.#element = this.#made();
      // In the page before it has text: a region that comes with its text is not read out by all readers.
      this.#ready = performance.now() + 100;
    }
    this.#again();
  }

  #again() {
    const now = performance.now();
    const wait = this.#announcements.wait(now);
    clearTimeout(this.#timer);
    // What was said long ago is not to be found by who reads through the page.
    this.#timer = setTimeout(() => this.#turn(), wait === undefined ? CLEARED_MS : Math.max(wait, this.#ready - now));
  }

  #turn() {
    const now = performance.now();
    const text = this.#announcements.next(now);
    // A timer may be a moment early.
    if (text === undefined && this.#announcements.wait(now) !== undefined) return this.#again();
    if (this.#element) {
      // The same words again are a change only if the text is another.
      const repeated = text !== undefined && this.#element.textContent === text;
      this.#element.textContent = repeated ? `${text}\u00a0` : (text ?? "");
    }
    if (text !== undefined) this.#again();
  }

  #made() {
    const element = document.createElement("div");
    element.className = "visually-hidden";
    element.setAttribute("aria-live", this.#politeness);
    element.setAttribute("role", this.#politeness === "assertive" ? "alert" : "status");
    document.body.append(element);
    return element;
  }
}

const polite = new Region("polite");
const assertive = new Region("assertive");

/**
 * Says something to a screen reader, without showing it.
 * @param {string} text in the interface's language
 * @param {{assertive?: boolean}} [options] assertive: now, in the middle of what is being read; for what cannot wait
 */
export function announce(text, options = {}) {
  (options.assertive ? assertive : polite).say(text);
}
