// What is said beside the captions, small and in a corner: what of the address was not understood, for some seconds;
// and how the broadcast stands, as long as it stands so.

import { t } from "../../interface/i18n.js";

/** @import { Mistake } from "./options.js" */

/** How long a mistake is said: somebody who sets up a projector looks at it now. */
const SAID_MS = 9_000;
/** Mistakes said at once; the rest is found when these are mended. */
const AT_ONCE = 6;

/** The corner of one page. */
export class Corner {
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #timers = new Set();
  #mistakes;
  #standing;
  #status;

  /**
   * @param {HTMLElement} element
   * @param {boolean} status Whether the broadcast's standing is said.
   */
  constructor(element, status) {
    this.#mistakes = element.appendChild(document.createElement("ul"));
    this.#standing = element.appendChild(document.createElement("p"));
    this.#mistakes.className = "mistakes";
    this.#standing.className = "standing";
    this.#standing.hidden = true;
    this.#status = status;
  }

  /** @param {Mistake} mistake */
  mistaken({ name, value, instead }) {
    const key = instead ? "screen.mistake" : "screen.unknown";
    const line = document.createElement("li");
    line.textContent = t(key, { name, value, instead });
    this.#mistakes.append(line);
    while (this.#mistakes.childElementCount > AT_ONCE) this.#mistakes.firstElementChild?.remove();
    const timer = setTimeout(() => {
      line.remove();
      this.#timers.delete(timer);
    }, SAID_MS);
    this.#timers.add(timer);
  }

  /**
   * How the broadcast stands; nothing where it goes on.
   * @param {"paused" | "muted" | "ended" | "away" | ""} standing
   */
  stands(standing) {
    this.#standing.hidden = !standing || !this.#status;
    this.#standing.dataset.standing = standing;
    this.#standing.textContent = standing ? t(`screen.${standing}`) : "";
  }

  /** Ends its timers. */
  close() {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
