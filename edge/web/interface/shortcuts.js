// Keyboard shortcuts that a person can see and change. A combination is kept as "Mod+Shift+M"; Mod is the key that
// shortcuts have on this machine, Command on Apple's and Control elsewhere. Single letters are not taken: they would go
// off while somebody dictates or types, and what the browser keeps for itself would never arrive.

/** @typedef {import("./preferences.js").Preferences<any>} AnyPreferences */
/** @typedef {"taken" | "reserved" | "plain"} Refusal */

/** Kept by browsers for tabs and windows; a page does not get them. */
const RESERVED = new Set(["Mod+N", "Mod+T", "Mod+W", "Mod+Q", "Mod+Shift+N", "Mod+Shift+T", "Mod+Shift+W", "Mod+Tab"]);
const MODIFIERS = new Set(["Alt", "AltGraph", "Control", "Meta", "OS", "Shift", "CapsLock", "Fn", "Dead"]);
const APPLE = { Mod: "⌘", Ctrl: "⌃", Alt: "⌥", Shift: "⇧" };
const OTHERS = { Mod: "Ctrl+", Ctrl: "Ctrl+", Alt: "Alt+", Shift: "Shift+" };
const ARIA = { Ctrl: "Control", Alt: "Alt", Shift: "Shift" };

/** A combination that cannot be had. `reason`: another action has it, the browser keeps it, or it has no modifier. */
export class ShortcutRefused extends Error {
  /**
   * @param {Refusal} reason
   * @param {string} combination
   * @param {string} [by] the action that has it
   */
  constructor(reason, combination, by) {
    super(`${combination}: ${reason}`);
    this.name = "ShortcutRefused";
    this.reason = reason;
    this.combination = combination;
    this.by = by;
  }
}

/**
 * What of a keyboard event matters.
 * @typedef {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">} Pressed
 */

/**
 * The combination that is pressed.
 * @param {Pressed} event
 * @param {boolean} apple
 * @returns {string | undefined} undefined while only modifiers are down
 */
export function combinationOf(event, apple) {
  if (MODIFIERS.has(event.key) && !/^(Key|Digit)/.test(event.code)) return undefined;
  const mod = apple ? event.metaKey : event.ctrlKey;
  const control = apple && event.ctrlKey;
  // With Alt, and in scripts without our letters, the key says something else than what is printed on it.
  const letter = /^(?:Key([A-Z])|Digit(\d))$/.exec(event.code);
  const latin = /^[\w]$/.test(event.key) && !event.altKey;
  const key = latin || !letter ? named(event.key) : (letter[1] ?? letter[2] ?? event.key);
  const parts = [mod && "Mod", control && "Ctrl", event.altKey && "Alt", event.shiftKey && "Shift", key];
  return parts.filter(Boolean).join("+");
}

/**
 * Why a combination cannot be had by an action.
 * @param {string} name the action
 * @param {string} combination
 * @param {Readonly<Record<string, string>>} present all actions' combinations
 * @returns {ShortcutRefused | undefined}
 */
export function refusal(name, combination, present) {
  if (!/^(Mod|Ctrl|Alt)\+/.test(combination) && !/^(Shift\+)?F\d{1,2}$/.test(combination)) {
    return new ShortcutRefused("plain", combination);
  }
  if (RESERVED.has(combination)) return new ShortcutRefused("reserved", combination);
  const owner = Object.keys(present).find((other) => other !== name && present[other] === combination);
  return owner === undefined ? undefined : new ShortcutRefused("taken", combination, owner);
}

/**
 * A combination as people read it: "⌘M" or "Ctrl+M".
 * @param {string} combination
 * @param {boolean} apple
 */
export function shown(combination, apple) {
  /** @type {Record<string, string>} */
  const marks = apple ? APPLE : OTHERS;
  return parts(combination)
    .map((part) => marks[part] ?? part)
    .join("");
}

/** Whether this machine's shortcuts are with Command. */
export function onApple() {
  const { userAgentData, platform = "" } = /** @type {Navigator & {userAgentData?: {platform?: string}}} */ (
    globalThis.navigator ?? {}
  );
  return /mac|iphone|ipad/i.test(userAgentData?.platform || platform);
}

/** The shortcuts of a page, listening from the start until close(). */
export class Shortcuts {
  /** @type {AnyPreferences} */ #preferences;
  /** @type {Record<string, string>} */ #defaults;
  /** @type {Record<string, () => void>} */ #handlers;
  /** @type {Set<() => void>} */ #watchers = new Set();
  /** @type {((event: KeyboardEvent) => void) | undefined} */ #capturing;
  #apple = onApple();
  #listener = (/** @type {Event} */ event) => this.#pressed(/** @type {KeyboardEvent} */ (event));
  #target;

  /**
   * @param {AnyPreferences} preferences with a key `shortcuts` whose default is {}; there, what was changed is kept
   * @param {Record<string, string>} defaults combinations by action: {mute: "Mod+M"}
   * @param {Record<string, () => void>} handlers by action
   * @param {EventTarget} [target] where keys are heard
   */
  constructor(preferences, defaults, handlers, target = globalThis.document) {
    this.#preferences = preferences;
    this.#defaults = { ...defaults };
    this.#handlers = handlers;
    this.#target = target;
    target.addEventListener("keydown", this.#listener, { capture: true });
  }

  /** @returns {Record<string, string>} the combinations that hold, by action */
  get present() {
    const changed = this.#preferences.get("shortcuts") ?? {};
    const valid = Object.entries(changed).filter(([name, kept]) => name in this.#defaults && typeof kept === "string");
    return { ...this.#defaults, ...Object.fromEntries(valid) };
  }

  /**
   * @param {string} name the action
   * @returns {string} its combination as people read it
   */
  label(name) {
    return shown(this.#of(name), this.#apple);
  }

  /**
   * @param {string} name the action
   * @returns {string} its combination for the attribute aria-keyshortcuts
   */
  aria(name) {
    /** @type {Record<string, string>} */
    const words = { ...ARIA, Mod: this.#apple ? "Meta" : "Control" };
    return parts(this.#of(name))
      .map((part) => words[part] ?? part)
      .join("+");
  }

  /**
   * Gives an action another combination.
   * @param {string} name the action
   * @param {string} combination as "Mod+Shift+M"
   * @throws {ShortcutRefused}
   */
  set(name, combination) {
    this.#of(name);
    const refused = refusal(name, combination, this.present);
    if (refused) throw refused;
    this.#preferences.set("shortcuts", { ...this.present, [name]: combination });
    this.#changed();
  }

  /**
   * Gives an action the combination that is pressed next. Escape, or another change(), leaves it as it is.
   * @param {string} name the action
   * @returns {Promise<string | undefined>} what holds now, as people read it; undefined where nothing was changed
   * @throws {ShortcutRefused}
   */
  change(name) {
    this.#of(name);
    return new Promise((resolve, reject) => {
      this.#cancel();
      this.#capturing = (event) => {
        const combination = event.key === "Escape" ? "" : combinationOf(event, this.#apple);
        if (combination === undefined) return; // So far only modifiers.
        this.#capturing = undefined;
        try {
          if (combination) this.set(name, combination);
          resolve(combination ? this.label(name) : undefined);
        } catch (error) {
          reject(error);
        }
      };
      this.#cancelled = () => resolve(undefined);
    });
  }

  /** Ends waiting for a combination, if that is being done. */
  cancel() {
    this.#cancel();
  }

  /** All as they were at first. */
  reset() {
    this.#preferences.set("shortcuts", {});
    this.#changed();
  }

  /**
   * @param {"change"} name
   * @param {() => void} handler
   * @returns {() => void} ends it
   */
  on(name, handler) {
    if (name === "change") this.#watchers.add(handler);
    return () => this.#watchers.delete(handler);
  }

  /** Ends listening. */
  close() {
    this.#cancel();
    this.#target.removeEventListener("keydown", this.#listener, { capture: true });
    this.#watchers.clear();
  }

  #cancelled = () => {};

  #cancel() {
    this.#capturing = undefined;
    this.#cancelled();
  }

  #changed() {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** @param {string} name */
  #of(name) {
    const combination = this.present[name];
    if (combination === undefined) throw new Error(`no shortcut is called ${name}`);
    return combination;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    if (this.#capturing) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.#capturing(event);
      return;
    }
    const combination = combinationOf(event, this.#apple);
    const name = Object.entries(this.present).find(([, held]) => held === combination)?.[0];
    if (name === undefined || !this.#handlers[name]) return;
    event.preventDefault();
    // A key that is held down is one wish.
    if (!event.repeat) this.#handlers[name]();
  }
}

/** @param {string} key */
function named(key) {
  if (key === " ") return "Space";
  if (key === "+") return "Plus";
  return key.length === 1 ? key.toUpperCase() : key;
}

/** @param {string} combination */
function parts(combination) {
  return combination.split("+");
}
