// The level of the sound as a bar: moved in each animation frame by a transform, which costs no layout, so that it goes
// as smoothly as the screen does. Screen readers get a value once a second and a word, not sixty numbers.

import { Meter } from "../../audio/meter.js";
import { copyOf } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";

/** How often assistive technology is told the value. */
const SPOKEN_EVERY_SECONDS = 1;
/** How long a level holds: chunks that come late must not make the bar blink. */
const FRESH_SECONDS = 0.5;
const SILENCE = { peakDb: -100 };

export class MeterView {
  /** @param {HTMLElement} place where the bar is put, alone */
  constructor(place) {
    this.root = copyOf("meter-template");
    place.replaceChildren(this.root);
    this.track = piece(this.root, ".meter-track");
    this.fill = piece(this.root, ".meter-fill");
    this.word = piece(this.root, ".meter-word");
    this.frame = 0;
    this.meter = new Meter();
    this.level = SILENCE;
    this.heardAt = this.spokenAt = 0;
    this.clear();
  }

  /**
   * The sound's present level; drawn with the next frame.
   *
   * @param {{peakDb: number}} level dBFS
   */
  receive(level) {
    this.level = level;
    this.heardAt = performance.now() / 1000;
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.#draw(now / 1000));
  }

  /** Nothing is measured: an empty bar that says so. */
  clear() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.meter = new Meter();
    this.level = SILENCE;
    this.heardAt = this.spokenAt = 0;
    this.fill.style.transform = "scaleX(0)";
    this.root.dataset.zone = "normal";
    this.#say("off", 0);
  }

  /** @param {number} now seconds */
  #draw(now) {
    const fresh = now - this.heardAt < FRESH_SECONDS;
    const reading = this.meter.receive(fresh ? this.level : SILENCE, now);
    this.fill.style.transform = `scaleX(${reading.fraction.toFixed(4)})`;
    if (this.root.dataset.zone !== reading.zone) this.root.dataset.zone = reading.zone;
    const state = reading.low ? "low" : reading.zone;
    if (state !== this.root.dataset.state || now - this.spokenAt >= SPOKEN_EVERY_SECONDS) {
      this.spokenAt = now;
      this.#say(state, reading.fraction);
    }
    // Goes on while the bar falls and until "low level" has been said; a bar at rest costs nothing.
    const resting = !fresh && reading.fraction === 0 && reading.low;
    this.frame = resting ? 0 : requestAnimationFrame((next) => this.#draw(next / 1000));
  }

  /**
   * @param {"off" | "low" | "normal" | "high" | "over"} state
   * @param {number} fraction
   */
  #say(state, fraction) {
    this.root.dataset.state = state;
    const word = t(`meter.${state}`);
    if (this.word.textContent !== word) this.word.textContent = word;
    this.track.setAttribute("aria-label", t("meter.label"));
    this.track.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
    this.track.setAttribute("aria-valuetext", word);
  }
}

/**
 * @param {HTMLElement} root
 * @param {string} selector
 */
function piece(root, selector) {
  return /** @type {HTMLElement} */ (root.querySelector(selector));
}
