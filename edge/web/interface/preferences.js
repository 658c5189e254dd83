// What a person chose on this device, kept on this device alone. Where the browser keeps nothing (private windows, full
// or forbidden storage) it holds until the page is closed.

/**
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Store
 */

/**
 * The preferences of one page.
 * @template {Record<string, unknown>} T
 */
export class Preferences {
  /** @type {T} */ #defaults;
  /** @type {Partial<T>} */ #chosen;
  /** @type {string} */ #name;
  /** @type {Store | undefined} */ #store;
  /** @type {Set<(key: keyof T & string) => void>} */ #handlers = new Set();
  /** @type {(event: StorageEvent) => void} */ #heard;

  /**
   * @param {string} page under whose name they are kept
   * @param {T} defaults every key with what holds where nothing was chosen; a value kept of another type is not believed
   * @param {Store | undefined} [store] the browser's, unless a test says otherwise
   */
  constructor(page, defaults, store = browsersOwn()) {
    this.#name = `lingocast.${page}`;
    this.#defaults = defaults;
    this.#store = store;
    this.#chosen = this.#read();
    this.#heard = (event) => event.key === this.#name && this.#adopt();
    globalThis.addEventListener?.("storage", /** @type {EventListener} */ (this.#heard));
  }

  /**
   * @template {keyof T & string} K
   * @param {K} key
   * @returns {T[K]}
   */
  get(key) {
    return /** @type {T[K]} */ (key in this.#chosen ? this.#chosen[key] : this.#defaults[key]);
  }

  /**
   * @template {keyof T & string} K
   * @param {K} key
   * @param {T[K]} value anything that JSON can say
   */
  set(key, value) {
    if (same(this.get(key), value)) return;
    this.#chosen[key] = value;
    this.#write();
    this.#tell(key);
  }

  /** Forgets all that was chosen. */
  reset() {
    const before = Object.keys(this.#chosen);
    this.#chosen = {};
    this.#write();
    for (const key of before) this.#tell(key);
  }

  /**
   * @param {"change"} name
   * @param {(key: keyof T & string) => void} handler also told of what another tab changed
   * @returns {() => void} ends it
   */
  on(name, handler) {
    if (name === "change") this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Ends listening to other tabs. */
  close() {
    globalThis.removeEventListener?.("storage", /** @type {EventListener} */ (this.#heard));
    this.#handlers.clear();
  }

  /** @returns {Partial<T>} */
  #read() {
    /** @type {Record<string, unknown>} */
    const found = {};
    try {
      const kept = JSON.parse(this.#store?.getItem(this.#name) ?? "{}");
      for (const [key, value] of Object.entries(kept)) {
        if (key in this.#defaults && kind(value) === kind(this.#defaults[key])) found[key] = value;
      }
    } catch {
      // Not ours, or not readable: as if nothing had been chosen.
    }
    return /** @type {Partial<T>} */ (found);
  }

  #write() {
    try {
      if (Object.keys(this.#chosen).length) this.#store?.setItem(this.#name, JSON.stringify(this.#chosen));
      else this.#store?.removeItem(this.#name);
    } catch {
      // Full or forbidden: it holds for this page.
    }
  }

  #adopt() {
    const before = this.#chosen;
    this.#chosen = this.#read();
    for (const key of new Set([...Object.keys(before), ...Object.keys(this.#chosen)])) {
      if (!same(before[key], this.#chosen[key])) this.#tell(key);
    }
  }

  /** @param {keyof T & string} key */
  #tell(key) {
    for (const handler of [...this.#handlers]) handler(key);
  }
}

/** @returns {Store | undefined} */
function browsersOwn() {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // Forbidden: even looking at it throws.
  }
}

/** @param {unknown} value */
function kind(value) {
  return Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
}

/**
 * @param {unknown} one
 * @param {unknown} other
 */
function same(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
