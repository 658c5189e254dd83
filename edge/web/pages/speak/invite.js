// How listeners get in: the session's name to read out, its QR code and link to show and send.

import { part } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";

/**
 * Fills the part of the page that invites.
 *
 * @param {HTMLElement} root
 * @param {{sessionId: string, joinUrl: string, pin: string}} talk
 * @returns {() => void} ends it
 */
export function invite(root, { sessionId, joinUrl, pin }) {
  const name = part(root, "session-id", HTMLElement);
  const join = part(root, "join", HTMLAnchorElement);
  const qr = part(root, "qr", HTMLImageElement);
  const share = part(root, "share", HTMLButtonElement);
  const told = part(root, "copied", HTMLElement);
  const ended = new AbortController();
  const { signal } = ended;
  name.textContent = sessionId;
  join.textContent = joinUrl.replace(/^https?:\/\//, "");
  join.href = joinUrl;
  qr.src = `/api/sessions/${encodeURIComponent(sessionId)}/qr.svg`;
  qr.alt = t("invite.qr", { link: joinUrl });
  part(root, "projector", HTMLAnchorElement).href = `/s/${encodeURIComponent(sessionId)}/screen`;
  const pinPlace = part(root, "invite-pin", HTMLElement);
  pinPlace.hidden = !pin;
  pinPlace.textContent = pin ? t("invite.pin", { pin }) : "";
  told.textContent = "";
  const copying = (/** @type {HTMLElement} */ element, /** @type {string} */ text) => async () => {
    told.textContent = "";
    told.textContent = t((await copied(element, text)) ? "invite.copied" : "invite.marked");
  };
  part(root, "copy-id", HTMLButtonElement).addEventListener("click", copying(name, sessionId), { signal });
  part(root, "copy-link", HTMLButtonElement).addEventListener("click", copying(join, joinUrl), { signal });
  share.hidden = typeof navigator.share !== "function";
  const sharing = () =>
    navigator.share({ title: "Lingocast", text: t("invite.shareText"), url: joinUrl }).catch(() => {});
  share.addEventListener("click", sharing, { signal });
  return () => ended.abort();
}

/**
 * @param {HTMLElement} element that shows the text: marked where nothing can be copied, as on http:// in a LAN
 * @param {string} text
 * @returns {Promise<boolean>} whether it is in the clipboard
 */
async function copied(element, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    window.getSelection()?.selectAllChildren(element);
    return false;
  }
}
