// "Your talk is still open": after a reload or a crash the speaker decides, go on or end it. Hides that the server is
// asked whether it is so: what the page remembers may be over.

import { part } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";
import { forget, remembered } from "./talk.js";

/** @import { Talk } from "./talk.js" */

export class OpenTalk {
  /**
   * @param {HTMLElement} root the card
   * @param {{goOn: (talk: Talk) => void, end: (talk: Talk) => void}} handlers
   */
  constructor(root, handlers) {
    this.root = root;
    this.told = part(root, "open-talk-text", HTMLElement);
    /** @type {Talk | undefined} */
    this.talk = undefined;
    part(root, "go-on", HTMLButtonElement).addEventListener("click", () => this.talk && handlers.goOn(this.talk));
    part(root, "end-it", HTMLButtonElement).addEventListener("click", () => this.talk && handlers.end(this.talk));
  }

  /** Shows the card if a talk of this browser is live. @returns {Promise<boolean>} whether it is */
  async look() {
    const talk = remembered(Date.now());
    if (!talk || !(await isLive(talk.sessionId))) {
      forget();
      this.hide();
      return false;
    }
    this.talk = talk;
    this.told.textContent = t("open.text", { id: talk.sessionId });
    this.root.hidden = false;
    part(this.root, "go-on", HTMLButtonElement).focus();
    return true;
  }

  hide() {
    this.talk = undefined;
    this.root.hidden = true;
  }

  /** While the server is asked nothing can be pressed twice. @param {boolean} busy */
  setBusy(busy) {
    for (const name of ["go-on", "end-it"]) part(this.root, name, HTMLButtonElement).disabled = busy;
  }
}

/** @param {string} sessionId */
async function isLive(sessionId) {
  try {
    const answer = await fetch(`/api/sessions/${encodeURIComponent(sessionId)}`);
    if (answer.status === 404) return false;
    // Who cannot be asked may have it still: going on will tell.
    return answer.ok ? Boolean((await answer.json()).live) : true;
  } catch {
    return true;
  }
}
