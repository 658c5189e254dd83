// How others come here: a code to scan, a link to copy or to pass on by what the phone offers.

import { announce } from "../../interface/announcer.js";
import { show } from "../../interface/dialog.js";
import { part } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";

const COPIED_MS = 2_500;

export class Share {
  #dialog = part(document, "share", HTMLDialogElement);
  #link = part(document, "link", HTMLAnchorElement);
  #code = part(document, "qr", HTMLImageElement);
  #copy = part(document, "copy", HTMLButtonElement);
  #sessionId;

  /** @param {string} sessionId */
  constructor(sessionId) {
    this.#sessionId = sessionId;
    const passOn = part(document, "pass-on", HTMLButtonElement);
    passOn.hidden = typeof navigator.share !== "function";
    passOn.addEventListener("click", () => this.#passOn());
    this.#copy.addEventListener("click", () => this.#copied());
  }

  async open() {
    const { origin } = location;
    this.#link.href = `${origin}/s/${this.#sessionId}`;
    this.#link.textContent = this.#link.href.replace(/^https?:\/\//, "");
    this.#code.src = `/api/sessions/${this.#sessionId}/qr.svg`;
    await show(this.#dialog);
  }

  async #copied() {
    try {
      await navigator.clipboard.writeText(this.#link.href);
    } catch {
      // Not on http://: it is selected, for the person to copy.
      getSelection()?.selectAllChildren(this.#link);
      return;
    }
    this.#copy.textContent = t("common.copied");
    announce(t("common.copied"));
    setTimeout(() => {
      this.#copy.textContent = t("share.copy");
    }, COPIED_MS);
  }

  async #passOn() {
    try {
      await navigator.share({ title: this.#sessionId, text: t("share.message"), url: this.#link.href });
    } catch {
      // They thought better of it.
    }
  }
}
