// The three ways to listen as radio buttons, on the first screen and in the settings.

import { Emitter } from "../../client/emitter.js";
import { copyOf } from "../../interface/elements.js";
import { translate } from "../../interface/i18n.js";

/** @import { Sound } from "./sounding.js" */

/** @extends {Emitter<{change: Sound}>} */
export class SoundChoice extends Emitter {
  /** @type {readonly HTMLInputElement[]} */
  #buttons;

  /**
   * @param {HTMLElement} place
   * @param {string} name of the group
   * @param {Sound} value
   */
  constructor(place, name, value) {
    super();
    const choices = copyOf("sound-choices");
    this.#buttons = [...choices.querySelectorAll("input")];
    for (const button of this.#buttons) button.name = name;
    choices.addEventListener("change", () => this.emit("change", this.value));
    place.append(choices);
    translate(choices);
    this.value = value;
  }

  /** @returns {Sound} */
  get value() {
    const chosen = this.#buttons.find((button) => button.checked)?.value;
    return chosen === "stream" || chosen === "off" ? chosen : "voice";
  }

  set value(value) {
    for (const button of this.#buttons) button.checked = button.value === value;
  }
}
