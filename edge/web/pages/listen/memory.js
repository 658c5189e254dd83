// What this tab knows of its listening after a reload: by which connection and cue to go on, the PIN, and what was said.
// It is the tab's storage: gone with the tab, and never another tab's. Where the browser keeps nothing, nothing is known.

/** @import { Segment, Transcript } from "../../captions/transcript.js" */
/** @import { Sound } from "./sounding.js" */

/** @typedef {import("../../client/listener.js").Memory & {language: string, pin: string, sound: Sound}} Remembered */

/** Of what was said so much is kept, in characters: browsers allow a tab some five million in all. */
const MOST_CHARACTERS = 1_500_000;
/** A fifth of it goes at a time. */
const KEEP = 0.8;

export class TabMemory {
  #name;
  #store;

  /** @param {string} sessionId @param {Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined} [store] */
  constructor(sessionId, store = tabs()) {
    this.#name = `lingocast.listening.${sessionId}`;
    this.#store = store;
  }

  /** @returns {Remembered | undefined} undefined: this tab was not listening to this session */
  recall() {
    const found = this.#read(this.#name);
    if (typeof found !== "object" || found === null || typeof found.language !== "string") return undefined;
    const { language, pin, sound, connectionId, lastCue, sourceLanguage, qualityTier, at } = found;
    return {
      language,
      pin: text(pin) ?? "",
      sound: sound === "stream" || sound === "off" ? sound : "voice",
      connectionId: text(connectionId) ?? "",
      lastCue: text(lastCue) ?? "",
      sourceLanguage: text(sourceLanguage),
      qualityTier: text(qualityTier),
      at: typeof at === "number" ? at : undefined,
    };
  }

  /** @param {Remembered} remembered */
  remember(remembered) {
    this.#write(this.#name, JSON.stringify(remembered));
  }

  /** @param {"said" | "original"} name @param {Transcript} transcript */
  rememberTalk(name, transcript) {
    let kept = transcript.finals().map(({ at, ...caption }) => caption);
    let written = JSON.stringify(kept);
    while (written.length > MOST_CHARACTERS) {
      kept = kept.slice(-Math.floor(kept.length * KEEP));
      written = JSON.stringify(kept);
    }
    this.#write(`${this.#name}.${name}`, written);
  }

  /** Gives the transcript what was said before. @param {"said" | "original"} name @param {Transcript} transcript */
  recallTalk(name, transcript) {
    const kept = this.#read(`${this.#name}.${name}`);
    for (const caption of Array.isArray(kept) ? kept : []) if (isCaption(caption)) transcript.receive(caption);
  }

  /** The session has ended, or was left: nothing to go on from. */
  forget() {
    try {
      this.#store?.removeItem(this.#name);
    } catch {
      // It was not kept either.
    }
  }

  /** @param {string} name */
  #read(name) {
    try {
      return JSON.parse(this.#store?.getItem(name) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {string} value */
  #write(name, value) {
    try {
      this.#store?.setItem(name, value);
    } catch {
      // Full or forbidden: a reload will begin anew.
    }
  }
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : undefined;
}

/** @param {Partial<Segment> | null} value @returns {value is Segment} */
function isCaption(value) {
  return (
    typeof value?.text === "string" &&
    typeof value.language === "string" &&
    typeof value.isFinal === "boolean" &&
    [value.segmentId, value.startMs, value.endMs, value.stableChars].every(Number.isFinite)
  );
}

function tabs() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // Forbidden: even looking at it throws.
  }
}
