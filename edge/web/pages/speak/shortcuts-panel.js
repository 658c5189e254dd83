// Where shortcuts are seen and changed: press the button, then the new keys.

import { announce } from "../../interface/announcer.js";
import { part } from "../../interface/elements.js";
import { on as onLanguage, t } from "../../interface/i18n.js";
import { ShortcutRefused } from "../../interface/shortcuts.js";

/** @import { Shortcuts } from "../../interface/shortcuts.js" */

export class ShortcutsPanel {
  /**
   * @param {HTMLElement} place
   * @param {Shortcuts} shortcuts
   * @param {readonly string[]} names the actions
   */
  constructor(place, shortcuts, names) {
    this.place = place;
    this.shortcuts = shortcuts;
    this.names = names;
    this.told = document.createElement("p");
    this.told.className = "hint";
    shortcuts.on("change", () => this.#draw());
    onLanguage("change", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const heading = document.createElement("h3");
    heading.textContent = t("shortcuts.title");
    const reset = document.createElement("button");
    reset.type = "button";
    reset.dataset.part = "shortcuts-reset";
    reset.textContent = t("shortcuts.reset");
    reset.addEventListener("click", () => this.shortcuts.reset());
    this.place.replaceChildren(heading, ...this.names.map((name) => this.#line(name)), this.told, reset);
  }

  /** @param {string} name */
  #line(name) {
    const line = document.createElement("div");
    line.className = "row spread";
    const word = document.createElement("span");
    const keys = document.createElement("kbd");
    keys.textContent = this.shortcuts.label(name);
    word.append(t(`shortcuts.${name}`), " ", keys);
    const change = document.createElement("button");
    change.type = "button";
    change.dataset.part = `change-${name}`;
    change.textContent = t("shortcuts.change");
    change.setAttribute("aria-label", this.#named("shortcuts.change.name", name));
    change.addEventListener("click", () => void this.#change(name));
    line.append(word, change);
    return line;
  }

  /** @param {string} name */
  async #change(name) {
    this.#tell(t("shortcuts.press"));
    try {
      const now = await this.shortcuts.change(name);
      this.#tell(now ? this.#named("shortcuts.changed", name) : "");
    } catch (error) {
      if (!(error instanceof ShortcutRefused)) throw error;
      this.#tell(t(`shortcuts.refused.${error.reason}`));
    }
    // Drawn anew: the button that had the focus is another.
    part(this.place, `change-${name}`, HTMLButtonElement).focus();
  }

  /** @param {string} sentence */
  #tell(sentence) {
    this.told.textContent = sentence;
    announce(sentence);
  }

  /** @param {string} key @param {string} name */
  #named(key, name) {
    return t(key, { name: t(`shortcuts.${name}`), keys: this.shortcuts.label(name) });
  }
}
