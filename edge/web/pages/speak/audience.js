// Who listens, as a table: languages with their names, how many, and how far behind the speaker each is.

import { part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, seconds, t } from "../../interface/i18n.js";
import { audienceOf } from "./stage.js";

/** @import { SessionStatus } from "../../client/messages.js" */

/**
 * @param {HTMLElement} root
 * @param {Pick<SessionStatus, "listenerCount" | "languageDistribution" | "lag">} status
 */
export function showAudience(root, status) {
  const count = status.listenerCount;
  part(root, "listeners", HTMLElement).textContent = new Intl.NumberFormat(interfaceLanguage()).format(count);
  part(root, "listeners-word", HTMLElement).textContent = t("live.listeners", { count });
  const rows = audienceOf(status);
  part(root, "nobody", HTMLElement).hidden = rows.length > 0;
  part(root, "audience", HTMLElement).hidden = rows.length === 0;
  part(root, "audience-rows", HTMLElement).replaceChildren(...rows.map(row));
}

/** @param {{language: string, count: number, lag: number | undefined}} audience */
function row({ language, count, lag }) {
  const line = document.createElement("tr");
  line.dataset.language = language;
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = languageName(language, interfaceLanguage());
  const listeners = document.createElement("td");
  listeners.textContent = new Intl.NumberFormat(interfaceLanguage()).format(count);
  const behind = document.createElement("td");
  behind.textContent = lag === undefined ? t("audience.lag.none") : seconds(Math.max(0, lag));
  line.append(name, listeners, behind);
  return line;
}
