// What the set-up has to say: why there is no talk, what it waits for, and that a token will not last.

import { announce } from "../../interface/announcer.js";
import { part } from "../../interface/elements.js";
import { interfaceLanguage, t } from "../../interface/i18n.js";
import { words } from "../../interface/problems.js";
import { expiryOf } from "./token.js";

/** A connection is refreshed after 100 minutes at the latest, for which the token must still be good. */
const SHORT_MS = 2 * 3_600_000;

export class SetupTelling {
  /** @param {HTMLElement} root the form */
  constructor(root) {
    this.root = root;
    this.refusal = part(root, "refusal", HTMLElement);
  }

  /**
   * Says something above the choices, where the person looks next.
   *
   * @param {string} title
   * @param {readonly string[]} [advice]
   */
  say(title, advice = []) {
    const heading = document.createElement("strong");
    heading.textContent = title;
    const sentences = advice.map((sentence) => Object.assign(document.createElement("p"), { textContent: sentence }));
    this.refusal.replaceChildren(heading, ...sentences);
    this.refusal.hidden = false;
    this.refusal.focus();
    this.refusal.scrollIntoView({ block: "center" });
  }

  /** Takes back what was said. */
  hush() {
    this.refusal.hidden = true;
  }

  /**
   * Says why there is no talk.
   *
   * @param {{code?: string, closeCode?: number, retryAfter?: number}} problem
   */
  refuse(problem) {
    const { title, advice } = words(problem);
    const more = problem.code === "MAX_SESSIONS_EXCEEDED" ? [t("go.elsewhere")] : [];
    this.say(title, [advice, ...more]);
  }

  /**
   * While the server is not reached, or takes no more: why, and when it is tried again.
   *
   * @param {import("./broadcast.js").Connection | undefined} connection undefined: nothing is waited for
   */
  waiting(connection) {
    clearInterval(this.counting);
    const isWaiting = connection?.status === "waiting" || connection?.status === "offline";
    part(this.root, "cancel", HTMLButtonElement).hidden = !isWaiting;
    const told = part(this.root, "waiting", HTMLElement);
    told.hidden = !isWaiting;
    if (!connection || !isWaiting) return;
    const offline = connection.status === "offline";
    const title = offline || !connection.problem ? t("common.offline") : words(connection.problem).title;
    announce(title);
    const tell = () => {
      const count = Math.max(0, Math.ceil(((connection.retryAt ?? 0) - Date.now()) / 1000));
      told.textContent = offline ? title : `${title}. ${t("go.again", { count })}`;
    };
    tell();
    this.counting = setInterval(tell, 1000);
  }

  /** Says that a token will not last for a long talk. @param {string} token */
  warnOfExpiry(token) {
    const expiry = expiryOf(token);
    const told = part(this.root, "expiry", HTMLElement);
    told.hidden = expiry === undefined || expiry - Date.now() > SHORT_MS;
    if (told.hidden || expiry === undefined) return;
    const time = new Intl.DateTimeFormat(interfaceLanguage(), { timeStyle: "short" }).format(expiry);
    told.textContent = t("token.soon", { time });
  }
}
