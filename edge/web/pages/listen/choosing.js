// In which order languages are offered to a listener, and which of them is chosen already. Pure.

import { best, sorted } from "../../interface/languages.js";

/** @import { NamedLanguage } from "../../interface/languages.js" */

/**
 * The languages on offer: those that the person's phone speaks first, in its order, the others by name.
 * @param {readonly string[]} offered
 * @param {readonly string[]} wishes the dearest first, as navigator.languages
 * @param {string} inLanguage the interface's
 * @returns {NamedLanguage[]}
 */
export function inOrder(offered, wishes, inLanguage) {
  const own = new Set(wishes.map((wish) => best([wish], offered)));
  const all = sorted(offered, inLanguage);
  const first = [...own].flatMap((code) => all.filter((language) => language.code === code));
  return [...first, ...all.filter((language) => !own.has(language.code))];
}

/**
 * The language that is chosen until the person chooses: the one heard last time, else the phone's own, else the first.
 * @param {readonly string[]} offered in the order in which they are shown
 * @param {readonly string[]} wishes
 * @param {string} last the language heard last time, or ""
 * @returns {string | undefined} undefined only where nothing is offered
 */
export function preselected(offered, wishes, last) {
  return best(last ? [last, ...wishes] : wishes, offered) ?? offered[0];
}
