// What has just happened and is worth a sentence, shown for a while and said to screen readers.

import { announce } from "../../interface/announcer.js";
import { part } from "../../interface/elements.js";

const SHOWN_MS = 10_000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;

/** @param {string} text in the interface's language */
export function tell(text) {
  const place = part(document, "told", HTMLElement);
  place.textContent = text;
  place.hidden = false;
  announce(text);
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    place.hidden = true;
  }, SHOWN_MS);
}
