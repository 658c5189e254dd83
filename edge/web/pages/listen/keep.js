// Keeping the talk: what was received, as a file in the form and the language of choice.

import { fileName, save } from "../../captions/save.js";
import { toSrt, toText, toVtt } from "../../captions/subtitles.js";
import { show } from "../../interface/dialog.js";
import { part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, t } from "../../interface/i18n.js";

/** @import { Segment, Transcript } from "../../captions/transcript.js" */

/** @type {Readonly<Record<string, {type: string, make: (segments: Iterable<Segment>) => string}>>} */
const FORMS = {
  txt: { type: "text/plain", make: toText },
  vtt: { type: "text/vtt", make: toVtt },
  srt: { type: "application/x-subrip", make: toSrt },
};

/** Of the words as spoken, where they are of a language that was listened to as well. */
const ORIGINAL = "original ";

export class Keep {
  #dialog = part(document, "keep", HTMLDialogElement);
  #words = part(document, "keep-words", HTMLElement);
  #field = part(document, "keep-language-field", HTMLElement);
  #language = part(document, "keep-language", HTMLSelectElement);
  #forms = part(document, "keep-forms", HTMLElement);
  #sessionId;
  #transcript;
  #original;

  /** @param {string} sessionId @param {Transcript} transcript @param {Transcript} original */
  constructor(sessionId, transcript, original) {
    this.#sessionId = sessionId;
    this.#transcript = transcript;
    this.#original = original;
    this.#language.addEventListener("change", () => this.#count());
    this.#forms.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button?.dataset.form) this.#save(button.dataset.form);
    });
  }

  /** @param {string} present the language listened to now: it is chosen at first */
  async open(present) {
    const languages = [...new Set(this.#transcript.finals().map(({ language }) => language))];
    const spoken = this.#original.finals()[0]?.language;
    const options = languages.map((code) => new Option(languageName(code), code, false, code === present));
    if (spoken) {
      const language = languageName(spoken, interfaceLanguage());
      options.push(new Option(t("keep.original", { language }), ORIGINAL + spoken));
    }
    this.#language.replaceChildren(...options);
    this.#field.hidden = options.length < 2;
    this.#count();
    await show(this.#dialog);
  }

  /** What is chosen. @returns {{language: string, segments: Segment[]}} */
  get #chosen() {
    const { value } = this.#language;
    if (!value.startsWith(ORIGINAL)) return { language: value, segments: this.#transcript.finals(value) };
    return { language: value.slice(ORIGINAL.length), segments: this.#original.finals() };
  }

  #count() {
    const { length } = this.#chosen.segments;
    this.#words.textContent = length ? t("keep.words", { count: length }) : t("keep.nothing");
    for (const button of this.#forms.querySelectorAll("button")) button.disabled = length === 0;
  }

  /** @param {string} name of the form */
  #save(name) {
    const form = FORMS[name];
    const { language, segments } = this.#chosen;
    if (!form) return;
    const ending = /** @type {"vtt" | "srt" | "txt"} */ (name);
    save(fileName(this.#sessionId, language, ending), form.type, form.make(segments));
  }
}
