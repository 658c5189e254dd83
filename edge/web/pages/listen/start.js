// The first screen: whose session it is, in which language, and one big button. Hides how the form is filled in and how
// a refusal is told.

import { part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, on, t } from "../../interface/i18n.js";
import { words } from "../../interface/problems.js";
import { inOrder, preselected } from "./choosing.js";
import { SoundChoice } from "./sound-choice.js";

/** @import { Sound } from "./sounding.js" */
/** @import { Facts } from "./facts.js" */

/** @typedef {{language: string, pin: string, sound: Sound}} Choice */

export class Start {
  #root = part(document, "start", HTMLElement);
  #form = part(document, "form", HTMLFormElement);
  #language = part(document, "language", HTMLSelectElement);
  #pinField = part(document, "pin-field", HTMLElement);
  #pin = part(document, "pin", HTMLInputElement);
  #pinMistake = part(document, "pin-mistake", HTMLElement);
  #listen = part(document, "listen", HTMLButtonElement);
  #listenWords = part(document, "listen-words", HTMLElement);
  #refusal = part(document, "refusal", HTMLElement);
  #sound;
  /** @type {Facts | undefined} */
  #facts;
  #busy = false;
  #chosen = "";

  /**
   * @param {{last: string, sound: Sound}} usual the language heard last time, or "", and how
   * @param {(choice: Choice) => void} listen called in the tap
   */
  constructor({ last, sound }, listen) {
    this.#chosen = last;
    this.#sound = new SoundChoice(part(document, "start-sound", HTMLFieldSetElement), "start-sound", sound);
    this.#sound.on("change", () => this.#say());
    this.#language.addEventListener("change", () => {
      this.#chosen = this.#language.value;
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#busy && this.#isWhole()) listen(this.#choice);
    });
    on("change", () => this.#say());
  }

  /** @param {Facts} facts */
  show(facts) {
    this.#facts = facts;
    this.#pinField.hidden = !facts.hasPin;
    this.#refusal.hidden = true;
    this.#root.hidden = false;
    this.#say();
  }

  hide() {
    this.#root.hidden = true;
    this.busy = false;
  }

  /** Whether a connection is being made. */
  set busy(/** @type {boolean} */ busy) {
    this.#busy = busy;
    this.#form.setAttribute("aria-busy", String(busy));
    this.#say();
  }

  /** Puts a choice back that was made before, as after a reload. @param {Choice} choice */
  choose({ language, pin, sound }) {
    this.#chosen = language;
    this.#pin.value = pin;
    this.#sound.value = sound;
  }

  /** Says why it did not work. @param {import("../../interface/problems.js").Told} problem */
  refuse(problem) {
    this.busy = false;
    this.#root.hidden = false;
    if (problem.code === "WRONG_PIN") return this.#askPin(this.#pin.value ? "start.pinWrong" : "start.pinMissing");
    const { title, advice } = words(problem);
    const heading = document.createElement("strong");
    heading.textContent = title;
    const text = document.createElement("p");
    text.textContent = advice;
    this.#refusal.replaceChildren(heading, text);
    this.#refusal.hidden = false;
    this.#refusal.focus();
  }

  /** @returns {Choice} */
  get #choice() {
    const pin = this.#facts?.hasPin ? this.#pin.value.trim() : "";
    return { language: this.#language.value, pin, sound: this.#sound.value };
  }

  #isWhole() {
    this.#refusal.hidden = true;
    this.#pinMistake.hidden = true;
    this.#pin.removeAttribute("aria-invalid");
    if (this.#facts?.hasPin && !this.#pin.value.trim()) this.#askPin("start.pinMissing");
    return this.#pinMistake.hidden && this.#language.value !== "";
  }

  /** @param {string} key */
  #askPin(key) {
    this.#pinField.hidden = false;
    if (this.#facts) this.#facts = { ...this.#facts, hasPin: true };
    this.#pinMistake.textContent = t(key);
    this.#pinMistake.hidden = false;
    this.#pin.setAttribute("aria-invalid", "true");
    this.#pin.focus();
    this.#pin.select();
  }

  /** All that is not in the markup, in the interface's language. */
  #say() {
    const { sound } = this.#choice;
    this.#listenWords.textContent = t(this.#busy ? "start.joining" : sound === "off" ? "start.read" : "start.listen");
    if (!this.#facts) return;
    const source = languageName(this.#facts.sourceLanguage, interfaceLanguage());
    part(document, "spoken", HTMLElement).textContent = t("start.spoken", { language: source });
    const languages = inOrder(this.#facts.targetLanguages, navigator.languages, interfaceLanguage());
    const codes = languages.map(({ code }) => code);
    fillLanguages(this.#language, languages, preselected(codes, navigator.languages, this.#chosen));
    this.#listen.disabled = codes.length === 0;
  }
}

/**
 * Languages to choose from, each under its own name and, where that is another, the interface's.
 * @param {HTMLSelectElement} select
 * @param {readonly import("../../interface/languages.js").NamedLanguage[]} languages
 * @param {string | undefined} chosen
 */
export function fillLanguages(select, languages, chosen) {
  const options = languages.map(({ code, autonym, name }) => {
    const text = autonym === name ? autonym : `${autonym} – ${name}`;
    return new Option(text, code, false, code === chosen);
  });
  select.replaceChildren(...options);
}
