// The field for a speaker link, where there is none or the one there is no good: says which, in clear words.

import { part } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";
import { judged, tokenIn } from "./token.js";

export class TokenCard {
  /**
   * @param {HTMLElement} root
   * @param {(token: string) => void} given a token that may be good
   */
  constructor(root, given) {
    this.root = root;
    this.field = part(root, "token-field", HTMLInputElement);
    part(root, "token-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const token = tokenIn(this.field.value);
      const judgement = judged(token, Date.now());
      if (judgement === "good") {
        this.field.value = "";
        this.root.hidden = true;
        given(token);
      } else this.#mistake(judgement === "missing" ? "malformed" : judgement);
    });
  }

  /** @param {"missing" | "malformed" | "expired" | "refused"} reason */
  show(reason) {
    this.root.hidden = false;
    part(this.root, "token-text", HTMLElement).textContent = t(`token.${reason}`);
    this.#mistake(undefined);
    if (reason !== "missing") this.field.focus();
  }

  hide() {
    this.root.hidden = true;
  }

  /** @param {"malformed" | "expired" | undefined} reason */
  #mistake(reason) {
    const told = part(this.root, "token-mistake", HTMLElement);
    told.hidden = !reason;
    told.textContent = reason ? t(`token.${reason}`) : "";
    this.field.setAttribute("aria-invalid", String(Boolean(reason)));
    if (reason) this.field.focus();
  }
}
