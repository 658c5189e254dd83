// What is shown when a talk is over: why, how long it was, and the captions to keep.

import { part } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";
import { offerToSave } from "./save.js";
import { clock } from "./stage.js";

/** @import { Transcript } from "../../captions/transcript.js" */

/** Reasons that deserve a sentence; a speaker who pressed End needs none. */
const TOLD = new Map([
  ["speaker_gone", "after.speaker_gone"],
  ["while_away", "after.speaker_gone"],
  ["expired", "after.expired"],
  ["INVALID_TOKEN", "after.token"],
  ["TOKEN_EXPIRED", "after.token"],
  ["REPLACED", "after.elsewhere"],
  ["CONFLICT", "after.elsewhere"],
]);
const USUAL = new Set(["speaker", "CLOSED"]);

export class After {
  /**
   * @param {HTMLElement} root
   * @param {() => void} again the speaker wants to give another talk
   */
  constructor(root, again) {
    this.root = root;
    part(root, "again", HTMLButtonElement).addEventListener("click", () => {
      this.root.hidden = true;
      again();
    });
  }

  /**
   * @param {{sessionId: string, sourceLanguage: string}} talk
   * @param {Transcript} transcript
   * @param {{seconds: number, reason: string}} end
   */
  show(talk, transcript, { seconds, reason }) {
    const told = TOLD.get(reason) ?? (USUAL.has(reason) ? "" : "after.broken");
    const sentences = [t("after.text", { id: talk.sessionId, duration: clock(seconds) }), told && t(told)];
    part(this.root, "after-text", HTMLElement).textContent = sentences.filter(Boolean).join(" ");
    const count = transcript.finals().length;
    part(this.root, "after-count", HTMLElement).textContent = count ? t("after.count", { count }) : t("after.none");
    const place = part(this.root, "after-save", HTMLElement);
    if (count) offerToSave(place, transcript, talk);
    else place.replaceChildren();
    document.title = t("after.title");
    this.root.hidden = false;
    window.scrollTo(0, 0);
    part(this.root, "after-title", HTMLElement).focus({ preventScroll: true });
  }
}
