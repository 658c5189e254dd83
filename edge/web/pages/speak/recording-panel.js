// How far a recording is, for a speaker who does not hear it.

import { part } from "../../interface/elements.js";
import { t } from "../../interface/i18n.js";
import { clock } from "./stage.js";

export class RecordingPanel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /** @param {string | undefined} name of the file; undefined: the sample talk */
  show(name) {
    this.root.hidden = false;
    part(this.root, "recording-title", HTMLElement).textContent = name
      ? t("recording.file", { name })
      : t("recording.sample");
    this.at({ position: 0, duration: 0 });
  }

  hide() {
    this.root.hidden = true;
  }

  /** @param {{position: number, duration: number}} at seconds; duration 0: unknown */
  at({ position, duration }) {
    const bar = part(this.root, "progress", HTMLProgressElement);
    if (duration) bar.value = Math.min(1, position / duration);
    else bar.removeAttribute("value");
    const told = duration
      ? t("recording.of", { position: clock(position), duration: clock(duration) })
      : clock(position);
    part(this.root, "progress-text", HTMLElement).textContent = told;
  }
}
