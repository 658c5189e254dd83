// The settings, and what they do to the page as a whole: size, contrast, the page's own language, keys.

import { announce } from "../../interface/announcer.js";
import { show } from "../../interface/dialog.js";
import { part } from "../../interface/elements.js";
import { interfaceLanguages, languageName, on, setInterfaceLanguage, t } from "../../interface/i18n.js";
import { Preferences } from "../../interface/preferences.js";
import { KEYS } from "./keys.js";
import { SoundChoice } from "./sound-choice.js";

/** @import { Sound } from "./sounding.js" */

/** Times the usual size. */
const SIZES = [0.7, 0.85, 1, 1.25, 1.5, 2, 2.5];

/**
 * `language`: heard last; "" for none yet.
 * @typedef {{language: string, sound: Sound, original: boolean, size: number, contrast: boolean, volume: number,
 *   keys: boolean}} Chosen
 */

/** What this person likes, kept on their device. */
export function likings() {
  /** @type {Chosen} */
  const usual = {
    language: "",
    sound: "voice",
    original: false,
    size: 1,
    contrast: false,
    volume: 1,
    keys: true,
  };
  return new Preferences("listen", usual);
}

export class Settings {
  #dialog = part(document, "settings", HTMLDialogElement);
  #size = part(document, "size", HTMLOutputElement);
  #contrast = part(document, "contrast", HTMLInputElement);
  #original = part(document, "source", HTMLInputElement);
  #useKeys = part(document, "use-keys", HTMLInputElement);
  #interface = part(document, "interface", HTMLSelectElement);
  #sound;
  #preferences;

  /** @param {Preferences<Chosen>} preferences @param {(sound: Sound) => void} listen called in the tap */
  constructor(preferences, listen) {
    this.#preferences = preferences;
    this.#sound = new SoundChoice(
      part(document, "settings-sound", HTMLFieldSetElement),
      "sound",
      preferences.get("sound"),
    );
    this.#sound.on("change", listen);
    part(document, "smaller", HTMLButtonElement).addEventListener("click", () => this.resize(-1));
    part(document, "larger", HTMLButtonElement).addEventListener("click", () => this.resize(1));
    part(document, "reset", HTMLButtonElement).addEventListener("click", () => this.#reset(listen));
    for (const [input, key] of this.#switches) {
      input.addEventListener("change", () => preferences.set(key, input.checked));
    }
    this.#interface.addEventListener("change", () => setInterfaceLanguage(this.#interface.value));
    preferences.on("change", () => this.#apply());
    on("change", () => this.#say());
    this.#apply();
  }

  async open() {
    this.#say();
    await show(this.#dialog);
  }

  /** The next larger or smaller text. @param {1 | -1} step */
  resize(step) {
    const place = SIZES.findIndex((size) => size >= this.#preferences.get("size"));
    const size = SIZES[Math.min(SIZES.length - 1, Math.max(0, (place < 0 ? SIZES.length : place) + step))];
    if (size !== undefined) this.#preferences.set("size", size);
  }

  /** @returns {[HTMLInputElement, "contrast" | "original" | "keys"][]} */
  get #switches() {
    return [
      [this.#contrast, "contrast"],
      [this.#original, "original"],
      [this.#useKeys, "keys"],
    ];
  }

  /** @param {(sound: Sound) => void} listen */
  #reset(listen) {
    const before = this.#sound.value;
    this.#preferences.reset();
    void setInterfaceLanguage("");
    const sound = this.#preferences.get("sound");
    if (sound !== before) listen(sound);
    announce(t("settings.wasReset"));
  }

  #apply() {
    const root = document.documentElement;
    const size = this.#preferences.get("size");
    root.style.setProperty("--listen-size", String(size));
    if (this.#preferences.get("contrast")) root.dataset.contrast = "more";
    else delete root.dataset.contrast;
    this.#sound.value = this.#preferences.get("sound");
    for (const [input, key] of this.#switches) input.checked = this.#preferences.get(key);
    this.#size.textContent = new Intl.NumberFormat(root.lang, { style: "percent" }).format(size);
  }

  #say() {
    const chosen = this.#interface.value;
    const own = new Option(t("common.browserLanguage"), "");
    this.#interface.replaceChildren(own, ...interfaceLanguages.map((code) => new Option(languageName(code), code)));
    this.#interface.value = chosen || interfaceChoice();
    part(document, "keys", HTMLElement).replaceChildren(...Object.keys(KEYS).flatMap(described));
    this.#apply();
  }
}

/** What was chosen for the interface, on any page. */
function interfaceChoice() {
  const interfaces = new Preferences("interface", { language: "" });
  interfaces.close();
  return interfaces.get("language");
}

/** @param {string} action */
function described(action) {
  const term = document.createElement("dt");
  const key = document.createElement("kbd");
  const [shown = ""] = KEYS[action] ?? [];
  key.textContent = shown === " " ? t("keys.space") : shown.toUpperCase();
  term.append(key);
  const text = document.createElement("dd");
  text.textContent = t(`keys.${action}`);
  return [term, text];
}
