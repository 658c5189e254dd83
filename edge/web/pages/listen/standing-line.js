// The line that says how it stands, with what can be done about it. Counts down by itself; a screen reader is told what
// is new, but not each second of a countdown.

import { announce } from "../../interface/announcer.js";
import { part } from "../../interface/elements.js";
import { on, t } from "../../interface/i18n.js";
import { standing } from "./standing.js";

/** @import { Facts } from "./standing.js" */

const TICK_MS = 250;
/** What is said once and for all where the words count. */
const COUNTING = new Map([
  ["standing.waiting", "standing.lost"],
  ["standing.because", "standing.lost"],
]);

export class StandingLine {
  #line = part(document, "standing", HTMLElement);
  #words = part(document, "standing-words", HTMLElement);
  #retry = part(document, "retry", HTMLButtonElement);
  /** @type {Facts | undefined} */
  #facts;
  #said = "";
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {() => void} retry */
  constructor(retry) {
    this.#retry.addEventListener("click", retry);
    on("change", () => this.#show());
  }

  /** @param {Facts} facts */
  show(facts) {
    this.#facts = facts;
    const counts = facts.connection === "waiting";
    if (counts) this.#ticking ??= setInterval(() => this.#show(), TICK_MS);
    else this.close();
    this.#show();
  }

  /** Ends counting. */
  close() {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #show() {
    if (!this.#facts) return;
    const { key, tone, values, action } = standing(this.#facts, Date.now());
    const text = t(key, values);
    if (this.#words.textContent !== text) this.#words.textContent = text;
    this.#line.dataset.tone = tone;
    this.#line.dataset.standing = key.replace("standing.", "");
    // It keeps the focus of who has just pressed it while the next try is made.
    this.#retry.hidden = action !== "retry" && !(tone !== "calm" && document.activeElement === this.#retry);
    const spoken = COUNTING.has(key) ? t(COUNTING.get(key) ?? key) : text;
    if (spoken === this.#said) return;
    // At first there is nothing new about it.
    if (this.#said) announce(spoken, { assertive: tone === "trouble" });
    this.#said = spoken;
  }
}
