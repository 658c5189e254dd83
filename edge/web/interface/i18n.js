// The interface's words in the person's language. A page's markup is in English and whole without us; here it is said
// again in the language that was chosen, or that the browser asks for. Catalogues are modules: no parser, no fetch.

import { best, direction, languageName as nameOf } from "./languages.js";
import { Preferences } from "./preferences.js";

/** The languages that the interface speaks. The first is that of the markup. */
export const interfaceLanguages = Object.freeze(["en", "es", "pt", "fr", "de"]);

/**
 * A text with places as {name}, or several of which Intl.PluralRules chooses by `count`.
 * @typedef {string | {other: string, zero?: string, one?: string, two?: string, few?: string, many?: string}} Entry
 * @typedef {Record<string, Entry>} Words
 * @typedef {Record<string, string | number>} Values
 */

/** Words in one language; pure. */
export class Catalogue {
  /**
   * @param {string} language
   * @param {...Words} words later ones win
   */
  constructor(language, ...words) {
    this.language = language;
    /** @type {Map<string, Entry>} */
    this.words = new Map(words.flatMap((some) => Object.entries(some)));
    this.plurals = new Intl.PluralRules(language);
    this.numbers = new Intl.NumberFormat(language);
  }

  /** @param {string} key */
  has(key) {
    return this.words.has(key);
  }

  /**
   * @param {string} key
   * @param {Values} [values] for the places; numbers are written as the language writes them
   * @returns {string} the key itself where there are no words for it
   */
  say(key, values = {}) {
    const entry = this.words.get(key);
    if (entry === undefined) return key;
    const text = typeof entry === "string" ? entry : (entry[this.plurals.select(Number(values.count))] ?? entry.other);
    return text.replace(/\{(\w+)\}/g, (place, name) => {
      const value = values[name];
      return typeof value === "number" ? this.numbers.format(value) : (value ?? place);
    });
  }
}

const preferences = new Preferences("interface", { language: "" });
let present = new Catalogue("en");
let page = "";
/** @type {Set<() => void>} */
const handlers = new Set();

/**
 * Loads the words of a page and says its markup in them.
 * @param {string} name of the page: "listen"
 * @param {readonly string[]} [wishes] languages, the most wanted first; the person's own where left out
 */
export async function load(name, wishes) {
  page = name;
  const chosen = preferences.get("language");
  const wanted = wishes ?? [...(chosen ? [chosen] : []), ...(globalThis.navigator?.languages ?? [])];
  await speak(best(wanted, interfaceLanguages) ?? "en");
}

/**
 * What is said for a key in the interface's language.
 * @param {string} key
 * @param {Values} [values] for its places; `count` also chooses the plural
 * @returns {string}
 */
export function t(key, values) {
  return present.say(key, values);
}

/** @returns {string} the code of the interface's language */
export function interfaceLanguage() {
  return present.language;
}

/** @returns {string} the language that was chosen for the interface; "" for the browser's */
export function preferred() {
  return preferences.get("language");
}

/**
 * Speaks another language from now on, also after the next load.
 * @param {string} code one of interfaceLanguages, or "" for the browser's
 */
export async function setInterfaceLanguage(code) {
  preferences.set("language", code);
  await load(page);
  for (const handler of [...handlers]) handler();
}

/**
 * @param {"change"} name the interface has another language, the markup included: say what scripts wrote again
 * @param {() => void} handler
 * @returns {() => void} ends it
 */
export function on(name, handler) {
  if (name === "change") handlers.add(handler);
  return () => handlers.delete(handler);
}

/**
 * The name of a language, its own by default: "Español".
 * @param {string} code
 * @param {string} [inLanguage]
 */
export function languageName(code, inLanguage) {
  return nameOf(code, inLanguage);
}

/**
 * A length of time: "1.2 s".
 * @param {number} length in seconds
 * @param {{digits?: number, display?: "short" | "long" | "narrow"}} [options] digits behind the point, at most
 */
export function seconds(length, { digits = 1, display = "narrow" } = {}) {
  const format = { style: "unit", unit: "second", unitDisplay: display, maximumFractionDigits: digits };
  return new Intl.NumberFormat(present.language, /** @type {Intl.NumberFormatOptions} */ (format)).format(length);
}

/**
 * Says the marked elements below a root in the interface's language: data-t is an element's text, data-t-label its
 * aria-label, data-t-placeholder, data-t-title and data-t-alt the attribute of that name.
 * @param {ParentNode} [root]
 */
export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) {
    const key = element.getAttribute("data-t") ?? "";
    if (present.has(key)) element.textContent = t(key);
  }
  for (const [mark, attribute] of MARKS) {
    for (const element of root.querySelectorAll(`[${mark}]`)) {
      const key = element.getAttribute(mark) ?? "";
      if (present.has(key)) element.setAttribute(attribute, t(key));
    }
  }
}

const MARKS = [
  ["data-t-label", "aria-label"],
  ["data-t-placeholder", "placeholder"],
  ["data-t-title", "title"],
  ["data-t-alt", "alt"],
];

/** @param {string} language */
async function speak(language) {
  const names = ["common", "problems", ...(page ? [page] : [])];
  try {
    const modules = await Promise.all(names.map((name) => import(`./words/${name}.${language}.js`)));
    present = new Catalogue(language, ...modules.map((module) => /** @type {Words} */ (module.default)));
  } catch (error) {
    // The page is readable as it stands, in English; without a language's words it is better so than not at all.
    if (language !== "en") return speak("en");
    throw error;
  }
  if (globalThis.document) {
    document.documentElement.lang = language;
    document.documentElement.dir = direction(language);
    translate();
  }
}
