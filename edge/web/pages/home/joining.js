// Which session somebody means by what they typed or pasted: names are read out across a hall, written on a board,
// copied with half of the sentence around them. Pure.

const WORD = "[a-z]{2,24}";
const NAME = new RegExp(`^${WORD}-${WORD}-[1-9][0-9]{2}$`);
/** Somewhere in a sentence. (Without looking behind: Safari before 16.4 cannot.) */
const WITHIN = new RegExp(`(?:^|-)(${WORD}-${WORD}-[1-9][0-9]{2})(?:-|$)`);

/**
 * The name of the session that is meant.
 * @param {string} typed a name or a link, as people write them
 * @returns {string | undefined} undefined where there is none in it
 */
export function sessionName(typed) {
  const plain = ascii(typed).trim();
  // In a link the name is what follows /s/, whatever else looks like one.
  const linked = /\/s\/([^/?#\s]+)/.exec(plain)?.[1];
  for (const candidate of linked === undefined ? [plain] : [linked, plain]) {
    const name = hyphenated(candidate);
    if (NAME.test(name)) return name;
  }
  return WITHIN.exec(hyphenated(plain))?.[1];
}

/**
 * Small letters and plain digits: phones write full-width ones, dashes of all lengths, accents that they think missing.
 * @param {string} typed
 */
function ascii(typed) {
  return (
    decoded(typed)
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .replace(/\p{Nd}/gu, (digit) => String(worth(digit)))
      // Hyphens, dashes, minus signs, and what is invisible.
      .replace(/[\p{Pd}\u2212\u00ad_]/gu, "-")
      .replace(/[\u200b-\u200f\u2060\ufeff]/gu, "")
      .toLowerCase()
  );
}

/**
 * One hyphen wherever something is between words, or between letters and digits.
 * @param {string} text
 */
function hyphenated(text) {
  return text
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/([a-z])(?=[0-9])/g, "$1-")
    .replace(/^-+|-+$/g, "");
}

/** @param {string} typed */
function decoded(typed) {
  try {
    return decodeURIComponent(typed);
  } catch {
    return typed; // A percent sign that is only that.
  }
}

/**
 * What a digit of any script is worth: digits stand in rows of ten.
 * @param {string} digit
 */
function worth(digit) {
  const code = digit.codePointAt(0) ?? 0;
  for (let zero = code; zero > code - 10; zero--) {
    if (!/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) return code - zero;
  }
  return 0;
}
