/**
 * The speaker's token: how it comes in (behind `#token=` of the link, or pasted), that it leaves the address bar and the
 * history at once, and what can be said of it before a server is asked. Kept in sessionStorage alone: a closed tab
 * forgets it.
 */

const KEY = "lingocast.token";

/**
 * The token in what somebody pasted or an address carries: a whole link, `#token=…`, or the token alone. Empty: none.
 *
 * @param {string} text
 * @returns {string}
 */
export function tokenIn(text) {
  const behind = /[#?&]token=([^&\s]*)/.exec(text) ?? /^token=([^&\s]*)/.exec(text.trim());
  if (behind) return decoded(behind[1] ?? "");
  const plain = text.replace(/\s+/g, "");
  return /^[\w.~+/=-]+$/.test(plain) && !plain.includes("//") ? plain : "";
}

/**
 * When a token ends, milliseconds since the epoch, as the token itself says; undefined where it does not say or is no
 * JSON web token. Its signature is the server's to judge.
 *
 * @param {string} token
 * @returns {number | undefined}
 */
export function expiryOf(token) {
  const body = token.split(".")[1];
  if (!body) return undefined;
  try {
    const claims = /** @type {{exp?: unknown}} */ (JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/"))));
    return typeof claims.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What is known of a token at `now` (milliseconds since the epoch) without asking anybody.
 *
 * @param {string} token
 * @param {number} now
 * @returns {"missing" | "malformed" | "expired" | "good"}
 */
export function judged(token, now) {
  if (!token) return "missing";
  if (token.split(".").length !== 3) return "malformed";
  const expiry = expiryOf(token);
  return expiry !== undefined && expiry <= now ? "expired" : "good";
}

/** The token of this tab. */
export class TokenStore {
  /** @param {{storage?: Storage, location?: Location, history?: History}} [places] the window's own, unless given */
  constructor({ storage = ownStorage(), location = window.location, history = window.history } = {}) {
    this.storage = storage;
    this.location = location;
    this.history = history;
    this.token = storage?.getItem(KEY) ?? "";
    this.take();
  }

  /** Takes a token out of the address, if one is there. @returns {boolean} whether it was */
  take() {
    const { hash, pathname, search } = this.location;
    if (!hash.includes("token=")) return false;
    this.keep(tokenIn(hash));
    // Replaced, not pushed: "back" must not bring it again.
    this.history.replaceState(this.history.state, "", pathname + search);
    return true;
  }

  /** @param {string} token */
  keep(token) {
    this.token = token;
    try {
      this.storage?.setItem(KEY, token);
    } catch {
      // Full or forbidden: it is kept until the page is left.
    }
  }

  forget() {
    this.token = "";
    this.storage?.removeItem(KEY);
  }
}

/** @returns {Storage | undefined} */
function ownStorage() {
  try {
    return window.sessionStorage;
  } catch {
    return undefined; // Forbidden by the browser's settings.
  }
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
