/**
 * A glossary as a person writes it: rows of what is said and what it becomes, pasted lines in the forms that people
 * have (a spreadsheet's columns, arrows, equals signs), and the limits that the server holds to. Pure.
 *
 * @typedef {{source: string, target: string, language: string}} Row empty strings: kept as it is; in all languages
 * @typedef {{source: string, target?: string, language?: string}} Term as the protocol has it
 * @typedef {"many" | "long" | "words" | "language"} Mistake
 */

export const MOST_TERMS = 500;
/** Characters of a term and of its rendering. */
export const LONGEST_TERM = 200;

const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/**
 * The rows in pasted text, one a line: `source`, `source → target`, `source = target (es)`, or columns divided by tabs
 * or semicolons: source, target, language. Empty lines are left out.
 *
 * @param {string} text
 * @returns {Row[]}
 */
export function parsedLines(text) {
  return text
    .split(/\r?\n/)
    .map(parsedLine)
    .filter((row) => row.source || row.target);
}

/** @param {string} line @returns {Row} */
function parsedLine(line) {
  const columns = line.split(/[\t;]/).map(tidy);
  if (columns.length > 1) return { source: columns[0] ?? "", target: columns[1] ?? "", language: columns[2] ?? "" };
  const marked = /^(.*?)\s*[([]([a-z]{2,3}(?:-[a-z0-9]{2,8})*)[)\]]\s*$/i.exec(line);
  const parts = (marked?.[1] ?? line).split(/\s*(?:→|=>|->|=)\s*/);
  // A lone word in brackets behind a term is more likely a part of it than a language.
  if (parts.length < 2) return { source: tidy(line), target: "", language: "" };
  return { source: tidy(parts[0] ?? ""), target: tidy(parts.slice(1).join(" ")), language: marked?.[2] ?? "" };
}

/**
 * What the server would refuse, by the row's place. Rows without any text are no mistake: they are left out.
 *
 * @param {readonly Row[]} rows
 * @returns {Map<number, Mistake>}
 */
export function mistakes(rows) {
  /** @type {Map<number, Mistake>} */
  const found = new Map();
  let terms = 0;
  rows.forEach((row, place) => {
    if (isEmpty(row)) return;
    terms += 1;
    const mistake = mistakeOf(row);
    if (mistake) found.set(place, mistake);
    else if (terms > MOST_TERMS) found.set(place, "many");
  });
  return found;
}

/** @param {Row} row @returns {Mistake | undefined} */
function mistakeOf(row) {
  if (!/[\p{L}\p{N}]/u.test(row.source)) return "words";
  if (Math.max(length(tidy(row.source)), length(tidy(row.target))) > LONGEST_TERM) return "long";
  if (row.language && !LANGUAGE.test(row.language.trim())) return "language";
  return undefined;
}

/**
 * The terms of all rows that have text, as they are sent.
 *
 * @param {readonly Row[]} rows
 * @returns {Term[]}
 */
export function toTerms(rows) {
  return rows
    .filter((row) => !isEmpty(row))
    .map((row) => {
      const [source, target, language] = [tidy(row.source), tidy(row.target), row.language.trim()];
      return { source, ...(target ? { target } : {}), ...(language ? { language } : {}) };
    });
}

/**
 * Whatever was stored, as rows: what another version or hand left there must not break the page.
 *
 * @param {unknown} stored
 * @returns {Row[]}
 */
export function rowsOf(stored) {
  if (!Array.isArray(stored)) return [];
  return stored.slice(0, MOST_TERMS).map((row) => ({
    source: String(row?.source ?? ""),
    target: String(row?.target ?? ""),
    language: String(row?.language ?? ""),
  }));
}

/** @param {Row} row */
function isEmpty(row) {
  return !tidy(row.source) && !tidy(row.target);
}

/** One blank between words, as the server does. @param {string} text */
function tidy(text) {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** Characters as the server counts them, not UTF-16's halves. @param {string} text */
function length(text) {
  return [...text].length;
}
