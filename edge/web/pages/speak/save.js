// The captions as files, while the talk goes on and afterwards: what the page has, made into a file by the page.

import { fileName, save } from "../../captions/save.js";
import { toSrt, toText, toVtt } from "../../captions/subtitles.js";
import { t } from "../../interface/i18n.js";

/** @import { Transcript } from "../../captions/transcript.js" */

/** @type {readonly {form: "vtt" | "srt" | "txt", type: string, words: string, make: typeof toVtt}[]} */
const FORMS = [
  { form: "vtt", type: "text/vtt", words: "save.vtt", make: toVtt },
  { form: "srt", type: "application/x-subrip", words: "save.srt", make: toSrt },
  { form: "txt", type: "text/plain", words: "save.text", make: toText },
];

/**
 * Buttons that save what the transcript then holds.
 *
 * @param {HTMLElement} place
 * @param {Transcript} transcript
 * @param {{sessionId: string, sourceLanguage: string}} talk
 */
export function offerToSave(place, transcript, { sessionId, sourceLanguage }) {
  const label = document.createElement("span");
  label.textContent = t("save.label");
  label.dataset.t = "save.label";
  const buttons = FORMS.map(({ form, type, words, make }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = t(words);
    button.dataset.t = words;
    button.addEventListener("click", () => {
      save(fileName(sessionId, sourceLanguage, form), type, make(transcript.finals()));
    });
    return button;
  });
  place.replaceChildren(label, ...buttons);
}
