// Languages by their codes: what they are called, which way they run, how they are ordered, and which of those on offer
// serves a person best. Pure; the names are the browser's own (Intl), so that none are carried along.

const RTL_SCRIPTS = new Set(["Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg"]);
/** Codes of one language that Intl does not unite. */
const SAME = new Map([
  ["no", "nb"],
  ["cmn", "zh"],
]);
/** Countries that write as another does; as the server has it. */
const AS_IN = new Map([
  ["es-419", "MX"],
  ["pt-AO", "PT"],
  ["pt-MZ", "PT"],
]);

/**
 * @typedef {object} NamedLanguage
 * @property {string} code
 * @property {string} autonym what its speakers call it: "Español"
 * @property {string} name what it is called in the interface's language: "Spanish"
 */

/**
 * The name of a language, with a capital first letter as in a list.
 * @param {string} code as "pt-BR"
 * @param {string} [inLanguage] whose word for it; its own where left out
 * @returns {string} the code where nobody knows a name
 */
export function languageName(code, inLanguage = code) {
  try {
    const name = new Intl.DisplayNames([inLanguage], { type: "language", fallback: "code" }).of(code) ?? code;
    return name === code ? code : capitalised(name, inLanguage);
  } catch {
    return code;
  }
}

/**
 * Which way its script runs.
 * @param {string} code
 * @returns {"ltr" | "rtl"}
 */
export function direction(code) {
  return RTL_SCRIPTS.has(parsed(code).script) ? "rtl" : "ltr";
}

/**
 * Languages with their names, in the order in which people look for them: by their own names.
 * @param {readonly string[]} codes
 * @param {string} inLanguage the interface's
 * @returns {NamedLanguage[]}
 */
export function sorted(codes, inLanguage) {
  const order = new Intl.Collator(inLanguage, { sensitivity: "base" });
  return [...new Set(codes)]
    .map((code) => ({ code, autonym: languageName(code), name: languageName(code, inLanguage) }))
    .sort((one, other) => order.compare(one.autonym, other.autonym));
}

/**
 * The language on offer that serves somebody best: the exact one; else the same language in the same script, best of
 * the same country, else without a country; else the same language at all. The first wish that can be served decides.
 * @param {readonly string[]} wanted the most wanted first, as navigator.languages
 * @param {readonly string[]} offered
 * @returns {string | undefined} a code as it is offered
 */
export function best(wanted, offered) {
  for (const wish of wanted) {
    const found = bestFor(parsed(wish), offered);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * @param {Parsed} wish
 * @param {readonly string[]} offered
 */
function bestFor(wish, offered) {
  let found;
  let most = 0;
  for (const code of offered) {
    const points = likeness(wish, parsed(code));
    if (points > most) [found, most] = [code, points];
  }
  return found;
}

/**
 * @param {Parsed} wish
 * @param {Parsed} offer
 */
function likeness(wish, offer) {
  if (wish.language !== offer.language) return 0;
  if (wish.exact === offer.exact) return 5;
  if (wish.script !== offer.script) return 1;
  if (wish.region === offer.region) return 4;
  return offer.plain ? 3 : 2;
}

/**
 * @typedef {object} Parsed
 * @property {string} exact
 * @property {string} language
 * @property {string} script
 * @property {string} region
 * @property {boolean} plain whether it names no country
 */

/**
 * @param {string} code
 * @returns {Parsed}
 */
function parsed(code) {
  try {
    const locale = new Intl.Locale(code.replaceAll("_", "-"));
    const language = SAME.get(locale.language) ?? locale.language;
    const full = new Intl.Locale(locale.baseName.replace(/^[a-z]+/i, language)).maximize();
    return {
      exact: locale.baseName.toLowerCase(),
      language,
      script: full.script ?? "",
      region: AS_IN.get(`${language}-${full.region}`) ?? full.region ?? "",
      plain: !locale.region,
    };
  } catch {
    return { exact: code, language: code, script: "", region: "", plain: true };
  }
}

/**
 * @param {string} name
 * @param {string} inLanguage
 */
function capitalised(name, inLanguage) {
  const [first = "", ...rest] = name;
  return first.toLocaleUpperCase(inLanguage) + rest.join("");
}
