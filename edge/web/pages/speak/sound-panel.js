// The microphone's part of the page: asking for it, choosing it, its switches and its level. It is the same piece
// before and during a talk; the page moves it.

import { Microphone } from "../../audio/microphone.js";
import { copyOf, part } from "../../interface/elements.js";
import { on as onLanguage, t, translate } from "../../interface/i18n.js";
import { MeterView } from "./meter-view.js";
import { helpFor } from "./microphone-help.js";

/** @import { Settings, Sound } from "./sound.js" */
/** @import { Preferences } from "../../interface/preferences.js" */

export class SoundPanel {
  /**
   * @param {Sound} sound
   * @param {Preferences<any>} preferences keys deviceId, echoCancellation, noiseSuppression, autoGainControl
   * @param {() => void} opened there is sound from a microphone now
   */
  constructor(sound, preferences, opened) {
    this.sound = sound;
    this.opened = opened;
    this.preferences = preferences;
    this.root = copyOf("sound-template");
    this.problem = part(this.root, "sound-problem", HTMLElement);
    this.ask = part(this.root, "sound-ask", HTMLElement);
    this.button = part(this.root, "sound-try", HTMLButtonElement);
    this.choice = part(this.root, "sound-choice", HTMLElement);
    this.device = part(this.root, "device", HTMLSelectElement);
    this.meter = new MeterView(part(this.root, "setup-meter", HTMLElement));
    this.button.addEventListener("click", () => void this.open());
    this.device.addEventListener("change", () => {
      this.preferences.set("deviceId", this.device.value);
      void this.open();
    });
    this.#switch("echo", "echoCancellation");
    this.#switch("noise", "noiseSuppression");
    this.#switch("gain", "autoGainControl");
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#list());
    onLanguage("change", () => void this.#list());
    translate(this.root);
    void this.#list();
    // Better said before somebody tries: no permission will help there.
    if (!window.isSecureContext) this.fail({ name: "insecure" });
  }

  /** @returns {Settings} */
  get settings() {
    const get = (/** @type {string} */ key) => this.preferences.get(key);
    return {
      deviceId: String(get("deviceId")),
      echoCancellation: Boolean(get("echoCancellation")),
      noiseSuppression: Boolean(get("noiseSuppression")),
      autoGainControl: Boolean(get("autoGainControl")),
    };
  }

  /**
   * Opens the chosen microphone; where that one is gone, the system's own choice. Says what is wrong, if it is.
   *
   * @returns {Promise<boolean>} whether there is sound now
   */
  async open() {
    this.button.disabled = true;
    try {
      await this.#openChosen();
      this.problem.hidden = true;
      this.ask.hidden = true;
      await this.#list();
      this.opened();
      return true;
    } catch (error) {
      this.fail(error);
      // It may be far from the button that was pressed.
      this.problem.focus();
      this.problem.scrollIntoView({ block: "center" });
      return false;
    } finally {
      this.button.disabled = false;
    }
  }

  /** Says why there is no sound and what to do. @param {unknown} error */
  fail(error) {
    const help = helpFor(error, navigator.userAgent);
    part(this.root, "sound-problem-title", HTMLElement).textContent = help.title;
    const advice = help.advice.map((sentence) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = sentence;
      return paragraph;
    });
    part(this.root, "sound-problem-advice", HTMLElement).replaceChildren(...advice);
    this.problem.hidden = false;
    this.ask.hidden = !help.mayHelp;
    // Who was asked before may not be asked again.
    part(this.root, "sound-try-hint", HTMLElement).hidden = true;
    this.button.textContent = t("sound.again");
    this.button.dataset.t = "sound.again";
    this.meter.clear();
    void this.#list();
  }

  /** Lets go of the microphone. */
  rest() {
    if (this.sound.microphone) this.sound.close();
    this.meter.clear();
    if (this.problem.hidden) this.ask.hidden = false;
  }

  /** During a talk the level has a bigger place elsewhere. @param {boolean} live */
  setLive(live) {
    this.meter.root.hidden = live;
    // Before, what was chosen just above says it.
    part(this.root, "sound-title", HTMLElement).classList.toggle("visually-hidden", !live);
    this.button.dataset.t = live ? "sound.use" : "sound.try";
    this.button.textContent = t(this.button.dataset.t);
    // Who broadcasts a recording may go on by microphone.
    if (live) this.root.hidden = false;
    if (live && !this.sound.microphone && this.problem.hidden) this.ask.hidden = false;
  }

  async #openChosen() {
    const settings = this.settings;
    try {
      await this.sound.openMicrophone(settings);
    } catch (error) {
      if (!settings.deviceId || /** @type {Error} */ (error).name !== "missing") throw error;
      this.preferences.set("deviceId", "");
      await this.sound.openMicrophone({ ...settings, deviceId: "" });
    }
  }

  async #list() {
    const devices = await Microphone.list().catch(() => []);
    const known = devices.filter((device) => device.deviceId && device.label);
    this.choice.hidden = known.length === 0;
    const options = known
      .filter((device) => device.deviceId !== "default")
      .map((device) => new Option(device.label, device.deviceId));
    this.device.replaceChildren(new Option(t("sound.default"), ""), ...options);
    const wanted = this.settings.deviceId;
    this.device.value = options.some((option) => option.value === wanted) ? wanted : "";
  }

  /**
   * @param {string} name
   * @param {string} key
   */
  #switch(name, key) {
    const box = part(this.root, name, HTMLInputElement);
    box.checked = Boolean(this.preferences.get(key));
    box.addEventListener("change", () => {
      this.preferences.set(key, box.checked);
      this.sound.setSettings(this.settings).catch((error) => this.fail(error));
    });
  }
}
