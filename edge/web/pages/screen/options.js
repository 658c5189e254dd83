// What the address of a projector page asks for, and what holds instead of what cannot be understood. Pure; a person
// who sets up a projector sees at once which value was wrong, and captions all the same.

/**
 * What may be known of a session before joining it; see /api/sessions/{id}.
 * @typedef {{sourceLanguage: string, targetLanguages: string[], hasPin: boolean}} Facts
 */

/**
 * @typedef {object} Options
 * @property {string[]} languages One or two columns: codes, or `source` for what is said.
 * @property {number} lines 0: as many as fit.
 * @property {string} size A CSS length; empty: as the window allows.
 * @property {"sans" | "serif" | "mono" | "rounded"} font
 * @property {"start" | "center" | "end" | "left" | "right"} align
 * @property {"top" | "middle" | "bottom"} place
 * @property {"columns" | "rows"} layout
 * @property {string} background A CSS colour, or `transparent`.
 * @property {string} color A CSS colour.
 * @property {"none" | "outline" | "shadow" | "box"} edge What sets letters off from a picture behind them.
 * @property {number} hold Seconds after which captions vanish in silence; 0: never.
 * @property {boolean} qr Whether the way to join is shown until the first caption.
 * @property {boolean} status Whether it is said that the broadcast pauses, has ended, or is out of reach.
 */

/** A value that was not understood, and what holds instead. @typedef {{name: string, value: string, instead: string}} Mistake */

/** What is said, as a column. */
export const SOURCE = "source";
/** Columns that fit on a screen. */
const MOST_COLUMNS = 2;

const FONTS = /** @type {const} */ (["sans", "serif", "mono", "rounded"]);
const ALIGNS = /** @type {const} */ (["start", "center", "end", "left", "right"]);
const PLACES = /** @type {const} */ (["top", "middle", "bottom"]);
const LAYOUTS = /** @type {const} */ (["columns", "rows"]);
const EDGES = /** @type {const} */ (["none", "outline", "shadow", "box"]);
const NAMED = new Map([
  ["white", "#ffffff"],
  ["black", "#000000"],
  ["yellow", "#ffff00"],
]);
const FLAGS = new Map(
  Object.entries({ 1: true, on: true, yes: true, true: true, 0: false, off: false, no: false, false: false }),
);
const SIZE = /^(\d+(?:\.\d+)?)(px|vh|vw)?$/;
/** The luminance on which black and white can be read equally well. */
export const EVEN = 0.179;
/** In each unit: from what can be read to what leaves room for words. */
const SIZES = { px: [12, 400], vh: [2, 60], vw: [1, 30] };

/**
 * Reads the query.
 * @param {string} search As `location.search`.
 * @param {Facts | null} facts Null where they are not known: languages are then taken as they come.
 * @param {readonly string[]} wished Languages for whoever names none, the most wanted first; else what is said.
 * @returns {{options: Options, mistakes: Mistake[]}}
 */
export function read(search, facts, wished) {
  const asked = new Asked(new URLSearchParams(search));
  const background = asked.value("background", "black", colour(true), "#000000");
  const overlay = background === "transparent";
  const ink = !overlay && luminance(background) > EVEN ? "black" : "white";
  const languages = chosenLanguages(asked, facts, wished);
  const options = {
    languages,
    lines: asked.value("lines", overlay ? "2" : "auto", count(20, "auto"), overlay ? 2 : 0),
    size: asked.value("size", "auto", size, ""),
    font: asked.value("font", "sans", one(FONTS), "sans"),
    align: asked.value("align", "start", one(ALIGNS), "start"),
    place: asked.value("place", "bottom", one(PLACES), "bottom"),
    layout: asked.value("layout", "columns", one(LAYOUTS), "columns"),
    background,
    color: asked.value("color", ink, colour(false), NAMED.get(ink) ?? ""),
    edge: asked.value("edge", overlay ? "outline" : "none", one(EDGES), overlay ? "outline" : "none"),
    hold: asked.value("hold", overlay ? "8" : "30", count(3600, "0"), overlay ? 8 : 30),
    qr: asked.value("qr", "0", flag, false),
    status: asked.value("status", overlay ? "0" : "1", flag, !overlay),
  };
  asked.value("lang", "", () => languages, languages);
  return { options, mistakes: asked.mistakes() };
}

/**
 * An address in which `#` stands before a colour, as people write it, is cut there by the browser. This puts it together
 * again, and takes the PIN out.
 * @param {string} search As `location.search`.
 * @param {string} hash As `location.hash`.
 * @returns {{search: string, pin: string}} `pin` is empty where there is none.
 */
export function address(search, hash) {
  const at = hash.search(/(?:^#|[#&])pin=/);
  const pin = at < 0 ? "" : hash.slice(at).replace(/^[#&]+pin=/, "");
  const rest = at < 0 ? hash : hash.slice(0, at);
  const glued = /[=,]$/.test(search) && /^#[0-9a-f]{3,6}(&|$)/i.test(rest);
  return { search: glued ? `${search}${encodeURIComponent("#")}${rest.slice(1)}` : search, pin: decoded(pin) };
}

/**
 * Which feeds the columns need: one for each language. What is said comes with one of them; alone it needs one, too.
 * @param {readonly string[]} columns
 * @param {Facts | null} facts
 */
export function needed(columns, facts) {
  const translated = columns.filter((language) => language !== SOURCE);
  const languages = translated.length ? translated : [facts?.targetLanguages[0] ?? "en"];
  return languages.map((language, place) => ({ language, withSource: place === 0 && columns.includes(SOURCE) }));
}

/** What the query says, and what of it was not understood. */
class Asked {
  /** @type {Mistake[]} */
  #mistakes = [];
  /** @type {Set<string>} */
  #known = new Set();
  #query;

  /** @param {URLSearchParams} query */
  constructor(query) {
    this.#query = query;
  }

  /**
   * @template T
   * @param {string} name
   * @param {string} shown How the value that holds otherwise is written.
   * @param {(text: string) => T | undefined} understand
   * @param {T} otherwise
   * @returns {T}
   */
  value(name, shown, understand, otherwise) {
    this.#known.add(name);
    const text = this.#query.get(name)?.trim();
    if (!text) return otherwise;
    const value = understand(text.toLowerCase());
    if (value !== undefined) return value;
    this.mistaken(name, text, shown);
    return otherwise;
  }

  /** @param {string} name */
  text(name) {
    return this.#query.get(name)?.trim() ?? "";
  }

  /**
   * @param {string} name
   * @param {string} value
   * @param {string} instead
   */
  mistaken(name, value, instead) {
    this.#mistakes.push({ name, value: value.slice(0, 40), instead });
  }

  /** All mistakes, with names that mean nothing. */
  mistakes() {
    const unknown = [...new Set(this.#query.keys())].filter((name) => !this.#known.has(name));
    return [...this.#mistakes, ...unknown.map((name) => ({ name: name.slice(0, 40), value: "", instead: "" }))];
  }
}

/**
 * @param {Asked} asked
 * @param {Facts | null} facts
 * @param {readonly string[]} wished
 */
function chosenLanguages(asked, facts, wished) {
  const offered = facts?.targetLanguages ?? [];
  const otherwise = served(wished, offered) ?? SOURCE;
  /** @type {string[]} */
  const found = [];
  for (const code of asked
    .text("lang")
    .split(/[\s,]+/)
    .filter(Boolean)) {
    const language = column(code, facts);
    if (!language) asked.mistaken("lang", code, otherwise);
    else if (!found.includes(language)) found.push(language);
  }
  for (const code of found.splice(MOST_COLUMNS)) asked.mistaken("lang", code, found.join(","));
  return found.length ? found : [otherwise];
}

/**
 * @param {string} code
 * @param {Facts | null} facts
 */
function column(code, facts) {
  if (code.toLowerCase() === SOURCE) return SOURCE;
  if (!facts) return /^[a-z]{2,3}([-_][a-z0-9]{2,4})*$/i.test(code) ? code : undefined;
  return served([code], facts.targetLanguages) ?? (served([code], [facts.sourceLanguage]) && SOURCE);
}

/**
 * The first wish that is on offer: itself, or the same language elsewhere.
 * @param {readonly string[]} wished
 * @param {readonly string[]} offered
 */
function served(wished, offered) {
  const plain = (/** @type {string} */ code) => code.toLowerCase().split(/[-_]/)[0];
  for (const wish of wished) {
    const exact = offered.find((code) => code.toLowerCase() === wish.toLowerCase().replaceAll("_", "-"));
    const near = exact ?? offered.find((code) => code.toLowerCase() === plain(wish));
    const found = near ?? offered.find((code) => plain(code) === plain(wish));
    if (found) return found;
  }
  return undefined;
}

/**
 * @template {string} T
 * @param {readonly T[]} choices
 * @returns {(text: string) => T | undefined}
 */
function one(choices) {
  return (text) => choices.find((choice) => choice === text);
}

/**
 * @param {number} most
 * @param {string} none The word for 0.
 * @returns {(text: string) => number | undefined}
 */
function count(most, none) {
  return (text) => {
    if (text === none) return 0;
    return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= most ? Number(text) : undefined;
  };
}

/** @param {string} text */
function flag(text) {
  return FLAGS.get(text);
}

/** @param {string} text */
function size(text) {
  if (text === "auto") return "";
  const [, number, given] = SIZE.exec(text) ?? [];
  const unit = /** @type {keyof typeof SIZES} */ (given ?? "px");
  const [least, most] = SIZES[unit];
  return number && Number(number) >= least && Number(number) <= most ? number + unit : undefined;
}

/**
 * @param {boolean} clear Whether it may be transparent.
 * @returns {(text: string) => string | undefined}
 */
function colour(clear) {
  return (text) => {
    if (clear && text === "transparent") return text;
    const hex = NAMED.get(text) ?? (text.startsWith("#") ? text : `#${text}`);
    if (/^#[0-9a-f]{3}$/.test(hex)) return `#${[...hex.slice(1)].map((digit) => digit + digit).join("")}`;
    return /^#[0-9a-f]{6}$/.test(hex) ? hex : undefined;
  };
}

/**
 * How bright a colour is, from 0 to 1 (WCAG 2.2, relative luminance).
 * @param {string} hex As `#rrggbb`.
 */
export function luminance(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
