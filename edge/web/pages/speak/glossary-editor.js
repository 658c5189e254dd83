// The glossary as rows that a person edits. Kept on this device; what would be refused is said at its row, before the
// server is asked. Before a talk the rows are taken when it begins, during one when the person says so.

import { copyOf, part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, on as onLanguage, t, translate } from "../../interface/i18n.js";
import { LONGEST_TERM, MOST_TERMS, mistakes, parsedLines, rowsOf, toTerms } from "./glossary.js";

/** @import { Row } from "./glossary.js" */
/** @import { Preferences } from "../../interface/preferences.js" */

export class GlossaryEditor {
  /**
   * @param {Preferences<any>} preferences the key glossary
   * @param {(terms: import("./glossary.js").Term[]) => void} apply the person wants these from now on
   */
  constructor(preferences, apply) {
    this.preferences = preferences;
    this.root = copyOf("glossary-template");
    this.list = part(this.root, "terms", HTMLElement);
    this.details = part(this.root, "glossary-details", HTMLDetailsElement);
    this.applyButton = part(this.root, "apply-terms", HTMLButtonElement);
    this.paste = part(this.root, "paste", HTMLTextAreaElement);
    /** @type {string[]} */
    this.languages = [];
    this.rows = rowsOf(preferences.get("glossary"));
    this.#button("add-term", () => this.#add());
    this.#button("clear-terms", () => this.#clear());
    this.#button("paste-add", () => this.#addPasted());
    this.#button("apply-terms", () => this.check() && apply(this.terms));
    onLanguage("change", () => this.#draw());
    this.#draw();
  }

  /** The terms as they are sent. */
  get terms() {
    return toTerms(this.rows);
  }

  /** Looks whether the server would take them; the first mistake is shown and has the focus. @returns {boolean} */
  check() {
    const [first] = this.#showMistakes();
    if (first === undefined) return true;
    this.details.open = true;
    const row = this.list.children[first];
    if (row) part(row, "term-source", HTMLInputElement).focus();
    return false;
  }

  /** @param {readonly string[]} languages those that the talk can be heard in */
  setLanguages(languages) {
    this.languages = [...languages];
    this.#draw();
  }

  /** During a talk the rows hold only once they are sent. @param {boolean} live */
  setLive(live) {
    this.applyButton.hidden = !live;
  }

  /** @param {string} sentence told to the person here */
  tell(sentence) {
    part(this.root, "glossary-told", HTMLElement).textContent = sentence;
  }

  #add() {
    if (this.rows.length >= MOST_TERMS) return this.tell(t("glossary.mistake.many", { most: MOST_TERMS }));
    this.rows.push({ source: "", target: "", language: "" });
    this.#draw();
    part(/** @type {Element} */ (this.list.lastElementChild), "term-source", HTMLInputElement).focus();
  }

  #clear() {
    this.rows = [];
    this.#changed();
    this.#draw();
    this.tell(t("glossary.cleared"));
    part(this.root, "add-term", HTMLButtonElement).focus();
  }

  #addPasted() {
    const found = parsedLines(this.paste.value);
    const room = found.slice(0, Math.max(0, MOST_TERMS - this.rows.length));
    this.rows.push(...room);
    this.paste.value = "";
    this.#changed();
    this.#draw();
    const left = found.length - room.length;
    const told = [t("glossary.added", { count: room.length })];
    if (left) told.push(t("glossary.left", { count: left, most: MOST_TERMS }));
    this.tell(told.join(" "));
    this.#showMistakes();
  }

  /** @param {number} place */
  #remove(place) {
    this.rows.splice(place, 1);
    this.#changed();
    this.#draw();
    this.tell(t("glossary.removed"));
    const next = this.list.children[Math.min(place, this.rows.length - 1)];
    // The focus must not fall to the top of the page.
    const target = next ? part(next, "term-remove", HTMLButtonElement) : part(this.root, "add-term", HTMLButtonElement);
    target.focus();
  }

  #changed() {
    this.preferences.set(
      "glossary",
      this.rows.map((row) => ({ ...row })),
    );
    this.#count();
  }

  #draw() {
    translate(this.root);
    this.list.replaceChildren(...this.rows.map((row, place) => this.#row(row, place)));
    this.#count();
  }

  #count() {
    const count = this.terms.length;
    part(this.root, "glossary-count", HTMLElement).textContent = count
      ? t("glossary.count", { count })
      : t("glossary.none");
    part(this.root, "clear-terms", HTMLButtonElement).hidden = this.rows.length === 0;
  }

  /**
   * @param {Row} row
   * @param {number} place
   */
  #row(row, place) {
    const element = copyOf("term-template");
    const number = place + 1;
    const source = part(element, "term-source", HTMLInputElement);
    const target = part(element, "term-target", HTMLInputElement);
    const language = part(element, "term-language", HTMLSelectElement);
    const remove = part(element, "term-remove", HTMLButtonElement);
    source.setAttribute("aria-label", t("glossary.source", { number }));
    target.setAttribute("aria-label", t("glossary.target", { number }));
    language.setAttribute("aria-label", t("glossary.language", { number }));
    remove.setAttribute("aria-label", t("glossary.remove", { number }));
    target.placeholder = t("glossary.same");
    source.value = row.source;
    target.value = row.target;
    language.append(new Option(t("glossary.everywhere"), ""), ...this.#options(row.language));
    language.value = row.language;
    const take = () => {
      Object.assign(row, { source: source.value, target: target.value, language: language.value });
      this.#changed();
    };
    for (const field of [source, target, language]) field.addEventListener("input", take);
    for (const field of [source, target]) field.addEventListener("change", () => this.#showMistakes());
    remove.addEventListener("click", () => this.#remove(this.rows.indexOf(row)));
    return element;
  }

  /** @param {string} chosen shown although the talk cannot be heard in it: what was pasted must not vanish */
  #options(chosen) {
    const codes = chosen && !this.languages.includes(chosen) ? [...this.languages, chosen] : this.languages;
    return codes.map((code) => new Option(languageName(code, interfaceLanguage()), code));
  }

  /** Marks the rows that the server would refuse. @returns {number[]} their places */
  #showMistakes() {
    const found = mistakes(this.rows);
    [...this.list.children].forEach((element, place) => {
      part(element, "term-source", HTMLInputElement).setAttribute("aria-invalid", String(found.has(place)));
    });
    const told = part(this.root, "glossary-mistake", HTMLElement);
    const [first] = found;
    told.hidden = !first;
    told.textContent = first
      ? t(`glossary.mistake.${first[1]}`, {
          number: first[0] + 1,
          most: first[1] === "many" ? MOST_TERMS : LONGEST_TERM,
        })
      : "";
    return [...found.keys()];
  }

  /**
   * @param {string} name
   * @param {() => void} pressed
   */
  #button(name, pressed) {
    part(this.root, name, HTMLButtonElement).addEventListener("click", pressed);
  }
}
