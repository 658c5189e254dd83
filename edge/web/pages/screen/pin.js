// The PIN of a session, where it has one: from the address, from this tab's memory, or asked for, once for all columns.

import { t } from "../../interface/i18n.js";

/** Where it is kept, so that reloading does not ask again; with this tab it is forgotten. */
const KEY = "lingocast.pin.";

/** What guards one session. */
export class Pin {
  /** @type {Promise<string> | undefined} */
  #asking;
  /** @type {string | undefined} */
  #pin;
  #sessionId;
  #dialog;

  /**
   * @param {string} sessionId
   * @param {string} given As the address has it; empty for none.
   * @param {HTMLDialogElement} dialog With a form, an input and a place for what was wrong.
   */
  constructor(sessionId, given, dialog) {
    this.#sessionId = sessionId;
    this.#dialog = dialog;
    this.#pin = given || remembered(sessionId);
    if (given) this.#remember(given);
  }

  /** The PIN, as far as it is known. */
  get pin() {
    return this.#pin;
  }

  /**
   * Another PIN than the one that was wrong; asks for it, where nobody has given one meanwhile.
   * @param {string | undefined} wrong Undefined where none was tried.
   * @returns {Promise<string>}
   */
  async ask(wrong) {
    if (this.#pin !== undefined && this.#pin !== wrong) return this.#pin;
    this.#asking ??= this.#ask(wrong !== undefined).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /**
   * @param {boolean} again
   * @returns {Promise<string>}
   */
  #ask(again) {
    const [form, input, mistake] = ["form", "input", ".error"].map((each) => this.#dialog.querySelector(each));
    if (!(form instanceof HTMLFormElement && input instanceof HTMLInputElement && mistake)) throw new Error("no form");
    mistake.textContent = again ? t("screen.pinWrong") : "";
    input.setAttribute("aria-invalid", String(again));
    input.value = "";
    // Nothing else can be done here. A browser that is told twice to close it does, whatever we say: it opens again.
    if (!this.#dialog.open) this.#dialog.showModal();
    input.focus();
    return new Promise((resolve) => {
      this.#dialog.oncancel = (event) => event.preventDefault();
      this.#dialog.onclose = () => this.#dialog.open || this.#dialog.showModal();
      form.onsubmit = (event) => {
        event.preventDefault();
        const pin = input.value.trim();
        if (!pin) return;
        this.#dialog.onclose = null;
        this.#dialog.close();
        this.#remember(pin);
        this.#pin = pin;
        resolve(pin);
      };
    });
  }

  /** @param {string} pin */
  #remember(pin) {
    try {
      sessionStorage.setItem(KEY + this.#sessionId, pin);
    } catch {
      // Forbidden or full: it is asked for again after reloading.
    }
  }
}

/** @param {string} sessionId */
function remembered(sessionId) {
  try {
    return sessionStorage.getItem(KEY + sessionId) ?? undefined;
  } catch {
    return undefined;
  }
}
