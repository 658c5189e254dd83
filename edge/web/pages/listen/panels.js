// The two panels of captions: what is heard, large, and, for who wants it, what is spoken. Only the first is read out by
// a screen reader.

import { CaptionView } from "../../captions/view.js";
import { part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, on, t } from "../../interface/i18n.js";

/** @import { Segment, Transcript } from "../../captions/transcript.js" */

export class Panels {
  #original = part(document, "original", HTMLElement);
  #jump = part(document, "jump", HTMLButtonElement);
  #translation;
  #spoken;
  #sourceLanguage;

  /** @param {Transcript} transcript @param {Transcript} original @param {string} sourceLanguage */
  constructor(transcript, original, sourceLanguage) {
    this.#sourceLanguage = sourceLanguage;
    const captions = part(document, "captions", HTMLElement);
    this.#translation = new CaptionView(captions, { transcript });
    const spoken = part(document, "original-captions", HTMLElement);
    this.#spoken = new CaptionView(spoken, { lang: sourceLanguage, announce: false, transcript: original });
    this.#translation.on("follow", ({ following }) => {
      this.#jump.hidden = following;
    });
    this.#jump.addEventListener("click", () => {
      this.#translation.jumpToNow();
      // The button goes; who used it is among the words.
      const lines = captions.querySelector("[tabindex]");
      if (lines instanceof HTMLElement) lines.focus({ preventScroll: true });
    });
    on("change", () => this.#say());
    this.#say();
  }

  /** @param {Segment} segment */
  show(segment) {
    this.#translation.show(segment);
  }

  /** @param {Segment} segment */
  showOriginal(segment) {
    this.#spoken.show(segment);
  }

  /** @param {boolean} shown */
  set original(shown) {
    this.#original.hidden = !shown;
  }

  #say() {
    const language = languageName(this.#sourceLanguage, interfaceLanguage());
    const title = t("hall.original", { language });
    part(document, "original-title", HTMLElement).textContent = title;
    this.#translation.label = t("hall.captions");
    this.#spoken.label = title;
  }
}
