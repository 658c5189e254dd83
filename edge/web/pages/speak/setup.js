// What is chosen before a talk: what is heard, in which language it is spoken, and how. Kept on this device, but for
// the PIN. Hides how the choices depend on each other: the sample talk is English, whatever was chosen before.

import { interfaceLanguage, languageName, on as onLanguage, t } from "../../interface/i18n.js";
import { best } from "../../interface/languages.js";
import { words } from "../../interface/problems.js";
import { part } from "./elements.js";
import { lengthOf } from "./sound.js";
import { clock } from "./stage.js";
import { expiryOf } from "./token.js";

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
/** A connection is refreshed after 100 minutes at the latest, for which the token must still be good. */
const SHORT_MS = 2 * 3_600_000;

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
    this.refusal = part(root, "refusal", HTMLElement);
    /** @type {Source[]} */
    this.sources = [];
    this.fileOk = false;
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

  /** Whether all that is needed was chosen; what is missing is said, and has the focus. */
  get complete() {
    if (!this.sources.length) {
      void this.loadLanguages();
      return this.#missing("talk.noLanguages", this.language);
    }
    if (this.kind === "file" && !this.file.files?.length) return this.#missing("file.choose", this.file);
    if (this.kind === "file" && !this.fileOk) return this.#missing("file.unreadable", this.file);
    if (this.kind === "sample" && this.language.value !== SAMPLE_LANGUAGE) {
      return this.#missing("source.sample.missing", this.language);
    }
    return this.glossary.valid;
  }

  /** The button works or waits. @param {boolean} busy */
  setBusy(busy) {
    this.go.disabled = busy;
    this.go.dataset.t = busy ? "go.opening" : "go.live";
    this.go.textContent = t(this.go.dataset.t);
    if (busy) this.refusal.hidden = true;
  }

  /**
   * Says why there is no talk.
   *
   * @param {{code?: string, closeCode?: number, retryAfter?: number}} problem
   */
  refuse(problem) {
    const { title, advice } = words(problem);
    const more = problem.code === "MAX_SESSIONS_EXCEEDED" ? [t("go.elsewhere")] : [];
    this.tell(title, [advice, ...more]);
  }

  /**
   * While the server is not reached, or takes no more: why, and when it is tried again.
   *
   * @param {import("./broadcast.js").Connection | undefined} connection undefined: nothing is waited for
   */
  waiting(connection) {
    clearInterval(this.counting);
    const isWaiting = connection?.status === "waiting" || connection?.status === "offline";
    part(this.root, "cancel", HTMLButtonElement).hidden = !isWaiting;
    const told = part(this.root, "waiting", HTMLElement);
    told.hidden = !isWaiting;
    if (!connection || !isWaiting) return;
    const title = connection.problem ? words(connection.problem).title : "";
    const tell = () => {
      const count = Math.max(0, Math.ceil(((connection.retryAt ?? 0) - Date.now()) / 1000));
      told.textContent =
        connection.status === "offline" ? t("common.offline") : `${title}. ${t("go.again", { count })}`;
    };
    tell();
    this.counting = setInterval(tell, 1000);
  }

  /** To where a person begins. */
  focus() {
    this.#radios("source")
      .find((radio) => radio.checked)
      ?.focus();
  }

  /** Says that a token will not last for a long talk. @param {string} token */
  warnOfExpiry(token) {
    const expiry = expiryOf(token);
    const told = part(this.root, "expiry", HTMLElement);
    told.hidden = expiry === undefined || expiry - Date.now() > SHORT_MS;
    if (told.hidden || expiry === undefined) return;
    const time = new Intl.DateTimeFormat(interfaceLanguage(), { timeStyle: "short" }).format(expiry);
    told.textContent = t("token.soon", { time });
  }

  /**
   * Says something above the choices, where the person looks next.
   *
   * @param {string} title
   * @param {readonly string[]} [advice]
   */
  tell(title, advice = []) {
    const heading = document.createElement("strong");
    heading.textContent = title;
    const sentences = advice.map((sentence) => Object.assign(document.createElement("p"), { textContent: sentence }));
    this.refusal.replaceChildren(heading, ...sentences);
    this.refusal.hidden = false;
    this.refusal.focus();
    this.refusal.scrollIntoView({ block: "center" });
  }

  /**
   * @param {string} key
   * @param {HTMLElement} field
   */
  #missing(key, field) {
    this.tell(t(key));
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
