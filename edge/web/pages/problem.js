// A page that could not be shown: the server's English sentence stands in it; here it is said in the person's language,
// and a session's name can be corrected where it was wrong.

import { load } from "../interface/i18n.js";
import { words } from "../interface/problems.js";
import { joinForm } from "./home/form.js";

const { code = "" } = document.body.dataset;
await load("home");
const told = words(/^\d+$/.test(code) ? { status: Number(code) } : { code });
/** @type {HTMLElement} */ (document.querySelector("h1")).textContent = told.title;
/** @type {HTMLElement} */ (document.querySelector(".lead")).textContent = told.advice;
document.title = `${told.title} · Lingocast`;

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const asked = /^\/s\/([^/]+)/.exec(location.pathname)?.[1];
if (asked) /** @type {HTMLInputElement} */ (form.elements.namedItem("session")).value = readable(asked);
joinForm(form);

/** @param {string} part of an address */
function readable(part) {
  try {
    return decodeURIComponent(part).slice(0, 100);
  } catch {
    return part.slice(0, 100);
  }
}
