// What is chosen before a talk: what is heard, in which language it is spoken, and how. Kept on this device, but for
// the PIN. Hides how the choices depend on each other: the sample talk is English, whatever was chosen before.

import { part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, on as onLanguage, t } from "../../interface/i18n.js";
import { best } from "../../interface/languages.js";
import { SetupTelling } from "./setup-telling.js";
import { lengthOf } from "./sound.js";
import { clock } from "./stage.js";

/** @import { GlossaryEditor } from "./glossary-editor.js" */
/** @import { Preferences } from "../../interface/preferences.js" */
/** @import { Kind } from "./sound.js" */

/**
 * @typedef {{code: string, targets: string[]}} Source
 * @typedef {object} Choices
 * @property {Kind} kind
 * @property {File | undefined} file
 * @property {string} sourceLanguage
 * @property {"standard" | "premium"} qualityTier
 * @property {string} pin
 */

const SAMPLE_LANGUAGE = "en";

export class Setup {
  /**
   * @param {HTMLElement} root the form
   * @param {Preferences<any>} preferences keys source, language, tier
   * @param {GlossaryEditor} glossary
   * @param {{kindChosen: (kind: Kind) => void, submitted: () => void, cancelled: () => void}} handlers
   */
  constructor(root, preferences, glossary, handlers) {
    this.root = root;
    this.preferences = preferences;
    this.glossary = glossary;
    this.handlers = handlers;
    this.language = part(root, "language", HTMLSelectElement);
    this.file = part(root, "file", HTMLInputElement);
    this.go = part(root, "go-live", HTMLButtonElement);
    this.telling = new SetupTelling(root);
    /** @type {Source[]} */
    this.sources = [];
    /** @type {Promise<void> | undefined} While the server is being asked. */
    this.loading = undefined;
    this.fileOk = this.isBusy = false;
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      handlers.submitted();
    });
    part(root, "cancel", HTMLButtonElement).addEventListener("click", () => handlers.cancelled());
    for (const radio of this.#radios("source")) radio.addEventListener("change", () => this.#kindChosen());
    for (const radio of this.#radios("tier"))
      radio.addEventListener("change", () => preferences.set("tier", radio.value));
    this.language.addEventListener("change", () => this.#languageChosen());
    this.file.addEventListener("change", () => void this.#fileChosen());
    onLanguage("change", () => this.#drawLanguages());
    this.#check("source", preferences.get("source") === "file" ? "microphone" : preferences.get("source"));
    this.#check("tier", preferences.get("tier"));
  }

  /** @returns {Choices} */
  get choices() {
    const tier = this.#checked("tier") === "premium" ? "premium" : "standard";
    const file = this.kind === "file" ? this.file.files?.[0] : undefined;
    const pin = part(this.root, "pin", HTMLInputElement).value.trim();
    return { kind: this.kind, file, sourceLanguage: this.language.value, qualityTier: tier, pin };
  }

  get kind() {
    return /** @type {Kind} */ (this.#checked("source"));
  }

  /** Takes another kind of sound, as if it had been chosen. @param {Kind} kind */
  choose(kind) {
    this.#check("source", kind);
    this.#kindChosen();
  }

  /** Asks the server what can be spoken here. Says so where it does not answer; may be called again. */
  async loadLanguages() {
    this.loading = this.#load();
    await this.loading;
    this.loading = undefined;
  }

  async #load() {
    try {
      const answer = await fetch("/api/languages");
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.sources = /** @type {{sources: {code: string, targets: {code: string}[]}[]}} */ (
        await answer.json()
      ).sources.map(({ code, targets }) => ({ code, targets: targets.map((target) => target.code) }));
    } catch {
      this.sources = [];
    }
    this.#drawLanguages();
    this.#kindChosen();
  }

  /** Looks whether all that is needed was chosen; what is missing is said, and has the focus. @returns {boolean} */
  check() {
    if (!this.sources.length) {
      void this.loadLanguages();
      return this.#missing("talk.noLanguages", this.language);
    }
    if (this.kind === "file" && !this.file.files?.length) return this.#missing("file.choose", this.file);
    if (this.kind === "file" && !this.fileOk) return this.#missing("file.unreadable", this.file);
    if (this.kind === "sample" && this.language.value !== SAMPLE_LANGUAGE) {
      return this.#missing("source.sample.missing", this.language);
    }
    return this.glossary.check();
  }

  /** The button works or waits. @param {boolean} busy */
  setBusy(busy) {
    this.isBusy = busy;
    this.go.disabled = busy;
    this.go.dataset.t = busy ? "go.opening" : "go.live";
    this.go.textContent = t(this.go.dataset.t);
    if (busy) this.telling.hush();
  }

  /** To where a person begins. */
  focus() {
    this.#radios("source")
      .find((radio) => radio.checked)
      ?.focus();
  }

  /**
   * @param {string} key
   * @param {HTMLElement} field
   */
  #missing(key, field) {
    this.telling.say(t(key));
    field.focus();
    return false;
  }

  #kindChosen() {
    const kind = this.kind;
    this.preferences.set("source", kind);
    part(this.root, "file-panel", HTMLElement).hidden = kind !== "file";
    if (kind === "sample" && this.sources.some(({ code }) => code === SAMPLE_LANGUAGE)) {
      // Not kept as a wish: who tries the sample still speaks their own language.
      this.language.value = SAMPLE_LANGUAGE;
      this.#showTargets();
    }
    this.language.disabled = kind === "sample";
    if (kind !== "sample") this.#chooseLanguage();
    this.handlers.kindChosen(kind);
  }

  async #fileChosen() {
    const file = this.file.files?.[0];
    const told = part(this.root, "file-told", HTMLElement);
    this.fileOk = false;
    told.textContent = "";
    if (!file) return;
    try {
      const seconds = await lengthOf(file);
      if (file !== this.file.files?.[0]) return;
      this.fileOk = true;
      told.textContent = seconds ? t("file.length", { name: file.name, duration: clock(seconds) }) : file.name;
    } catch {
      told.textContent = t("file.unreadable");
    }
  }

  #languageChosen() {
    this.preferences.set("language", this.language.value);
    this.#showTargets();
  }

  #drawLanguages() {
    const names = new Intl.Collator(interfaceLanguage());
    const options = this.sources
      .map(({ code }) => ({ code, name: languageName(code), local: languageName(code, interfaceLanguage()) }))
      .sort((a, b) => names.compare(a.local, b.local))
      .map(({ code, name, local }) => new Option(name === local ? name : `${local} (${name})`, code));
    const chosen = this.language.value;
    this.language.replaceChildren(...options);
    if (chosen) this.language.value = chosen;
    this.#chooseLanguage(chosen);
  }

  /** @param {string} [chosen] */
  #chooseLanguage(chosen = "") {
    const offered = this.sources.map(({ code }) => code);
    const wanted = [chosen, String(this.preferences.get("language")), ...navigator.languages].filter(Boolean);
    this.language.value = best(wanted, offered) ?? offered[0] ?? "";
    this.#showTargets();
  }

  #showTargets() {
    const targets = this.sources.find(({ code }) => code === this.language.value)?.targets ?? [];
    const names = targets.map((code) => languageName(code, interfaceLanguage()));
    const languages =
      new Intl.ListFormat(interfaceLanguage()).format(names.slice(0, 12)) + (names.length > 12 ? " …" : "");
    const told = targets.length ? t("talk.heardIn", { count: targets.length, languages }) : t("talk.noLanguages");
    part(this.root, "language-hint", HTMLElement).textContent = told;
    this.glossary.setLanguages(targets);
  }

  /** @param {string} name @returns {HTMLInputElement[]} */
  #radios(name) {
    return [...this.root.querySelectorAll("input")].filter((input) => input.name === name);
  }

  /** @param {string} name */
  #checked(name) {
    return this.#radios(name).find((radio) => radio.checked)?.value ?? "";
  }

  /** @param {string} name @param {unknown} value */
  #check(name, value) {
    for (const radio of this.#radios(name)) radio.checked = radio.value === value;
    if (!this.#checked(name)) this.#radios(name)[0].checked = true;
  }
}
