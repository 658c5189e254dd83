// A column of the screen: what came in one language, or what is said, and its lines.

import { Transcript } from "../../captions/transcript.js";
import { SOURCE } from "./options.js";
import { Rolling } from "./rolling.js";

/** @import { Caption } from "../../captions/transcript.js" */
/** @import { Options } from "./options.js" */

/** Segments that are remembered: more than any screen shows. */
const REMEMBERED = 100;

export class Column {
  /**
   * @param {string} language Or `source`.
   * @param {string} sourceLanguage
   * @param {HTMLElement} stage Gets the column.
   * @param {Pick<Options, "hold" | "place">} options
   */
  constructor(language, sourceLanguage, stage, { hold, place }) {
    const element = stage.appendChild(document.createElement("section"));
    element.className = "column";
    this.language = language;
    this.transcript = new Transcript({ language: language === SOURCE ? sourceLanguage : language, limit: REMEMBERED });
    this.rolling = new Rolling(element, hold, place);
  }

  /**
   * @param {Caption} caption
   * @returns {boolean} Whether it brought something to be seen.
   */
  receive(caption) {
    const segment = this.transcript.receive(caption);
    this.rolling.show(segment);
    return Boolean(segment?.text);
  }
}
