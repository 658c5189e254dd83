// The page while a talk goes on: shows what the broadcast and the speaker's connection tell, and hands on what is
// pressed. It decides nothing: the stage and the notices are decided elsewhere.

import { Transcript } from "../../captions/transcript.js";
import { CaptionView } from "../../captions/view.js";
import { announce } from "../../interface/announcer.js";
import { confirm } from "../../interface/dialog.js";
import { part } from "../../interface/elements.js";
import { on as onLanguage, t } from "../../interface/i18n.js";
import { words } from "../../interface/problems.js";
import { keepAwake } from "../../interface/wakelock.js";
import { showAudience } from "./audience.js";
import { invite } from "./invite.js";
import { bringBack } from "./kept-captions.js";
import { MeterView } from "./meter-view.js";
import { NoticesView } from "./notices-view.js";
import { offerToSave } from "./save.js";
import { clock } from "./stage.js";

/** @import { Shortcuts } from "../../interface/shortcuts.js" */
/** @import { Broadcast, Connection } from "./broadcast.js" */

const ADVISED = new Set(["waiting", "offline", "paused", "muted", "silent", "ending"]);
/** A slider tells each step; a setting is sent when it rests. */
const VOLUME_RESTS_MS = 150;

export class Live {
  /**
   * @param {HTMLElement} root
   * @param {Broadcast} broadcast
   * @param {{sessionId: string, joinUrl: string, sourceLanguage: string, pin: string, startedAt: number}} talk
   * @param {Shortcuts} shortcuts
   */
  constructor(root, broadcast, talk, shortcuts) {
    this.root = root;
    this.broadcast = broadcast;
    this.talk = talk;
    this.shortcuts = shortcuts;
    this.startedAt = talk.startedAt;
    this.most = 0;
    /** @type {Connection} */
    this.connection = { status: "open" };
    /** @type {Pick<import("../../client/messages.js").SessionStatus, "listenerCount" | "languageDistribution" | "lag">} */
    this.status = { listenerCount: 0, languageDistribution: {}, lag: {} };
    this.closing = new AbortController();
    this.transcript = new Transcript({ language: talk.sourceLanguage });
    bringBack(talk.sessionId, this.transcript);
    this.captions = new CaptionView(part(root, "captions", HTMLElement), {
      lang: talk.sourceLanguage,
      label: t("live.captions"),
      // Screen readers would speak into the microphone of who is speaking.
      announce: false,
      transcript: this.transcript,
    });
    this.meter = new MeterView(part(root, "live-meter", HTMLElement));
    this.notices = new NoticesView(part(root, "notices", HTMLElement));
    this.ends = [
      invite(root, talk),
      keepAwake(),
      onLanguage("change", () => this.draw()),
      this.captions.on("follow", ({ following }) => this.#follows(following)),
    ];
    this.ticking = setInterval(() => this.#tick(), 500);
    this.#follow();
    this.#press();
    offerToSave(part(root, "live-save", HTMLElement), this.transcript, talk);
    this.draw();
  }

  /** Takes the page over, from the first glance on. */
  show() {
    this.root.hidden = false;
    window.scrollTo(0, 0);
    part(this.root, "stage-word", HTMLElement).focus({ preventScroll: true });
  }

  /** Ends timers, handlers, the wake lock; what was said stays in `transcript`. */
  close() {
    this.root.hidden = true;
    this.closing.abort();
    clearInterval(this.ticking);
    clearTimeout(this.resting);
    for (const end of this.ends) end();
    this.notices.close();
    this.meter.clear();
    this.captions.close();
  }

  /** Asks whether to end, and ends. */
  async askToEnd() {
    const count = this.status.listenerCount;
    const text = count ? t("end.text", { count }) : t("end.nobody");
    const sure = await confirm({ title: t("end.title"), text, yes: t("end.yes"), no: t("end.no"), danger: true });
    if (sure) await this.broadcast.end();
  }

  /** Nothing comes from where the sound came from. @param {"unplugged" | "finished" | "failed" | "interrupted"} reason */
  soundLost(reason) {
    const level = reason === "finished" ? "good" : "trouble";
    this.notices.update((notices) => notices.say(`sound.${reason}`, level));
    if (reason === "unplugged" || reason === "failed") part(this.root, "live-settings", HTMLDetailsElement).open = true;
  }

  soundBack() {
    this.notices.update((notices) => {
      for (const reason of ["unplugged", "finished", "failed", "interrupted"]) notices.over(`sound.${reason}`);
    });
  }

  #follow() {
    const { speaker } = this.broadcast;
    const note = this.notices;
    const heard = [
      speaker.on("sourceCaption", (caption) => this.captions.show(this.transcript.receive(caption))),
      speaker.on("status", (status) => this.#counted(status)),
      speaker.on("warning", (warning) => note.update((notices) => notices.warned(warning))),
      speaker.on("cleared", (cleared) => note.update((notices) => notices.cleared(cleared))),
      speaker.on("trouble", (trouble) => note.update((notices, now) => notices.troubled(trouble, now))),
      speaker.on("recovered", (recovered) => note.update((notices, now) => notices.recovered(recovered, now))),
      speaker.on("lost", ({ seconds }) => note.update((notices, now) => notices.lost(seconds, now))),
      speaker.on("rateLimited", () => note.update((notices, now) => notices.say("live.tooFast", "trouble", now))),
      this.broadcast.on("stage", () => this.draw()),
      this.broadcast.on("connection", (connection) => this.#connected(connection)),
      this.broadcast.on("refused", (problem) => {
        const reason = words(problem).title;
        note.update((notices, now) => notices.say("live.control.failed", "trouble", now, { reason }));
      }),
    ];
    this.ends.push(...heard);
  }

  #press() {
    const { signal } = this.closing;
    const on = (/** @type {string} */ name, /** @type {() => void} */ pressed) =>
      part(this.root, name, HTMLButtonElement).addEventListener("click", pressed, { signal });
    on("mute", () => this.broadcast.toggleMute());
    on("pause", () => this.broadcast.togglePause());
    on("end", () => void this.askToEnd());
    on("retry", () => this.broadcast.speaker.retryNow());
    on("to-now", () => this.captions.jumpToNow());
    const volume = part(this.root, "volume", HTMLInputElement);
    const rested = () => {
      this.resting = undefined;
      this.broadcast.setVolume(volume.valueAsNumber / 100);
    };
    const moved = () => {
      clearTimeout(this.resting);
      this.resting = setTimeout(rested, VOLUME_RESTS_MS);
      this.#showVolume();
    };
    volume.addEventListener("input", moved, { signal });
  }

  /** @param {Pick<import("../../client/messages.js").SessionStatus, "listenerCount" | "languageDistribution" | "lag">} status */
  #counted(status) {
    this.status = status;
    this.most = Math.max(this.most, status.listenerCount);
    showAudience(this.root, status);
  }

  /** Shows everything anew. */
  draw() {
    const { stage, wish } = this.broadcast;
    const header = part(this.root, "stage", HTMLElement);
    const word = t(`stage.${stage}`);
    const advice = ADVISED.has(stage) ? t(`stage.${stage}.advice`) : "";
    if (header.dataset.stage !== stage && !this.root.hidden) announce(`${word}. ${advice}`, { assertive: true });
    header.dataset.stage = stage;
    part(this.root, "stage-word", HTMLElement).textContent = word;
    const place = part(this.root, "stage-advice", HTMLElement);
    place.textContent = advice;
    place.hidden = !advice;
    document.title = `${word} · ${this.talk.sessionId}`;
    this.#label("mute", wish.isMuted ? "live.unmute" : "live.mute", wish.isMuted);
    this.#label("pause", wish.isPaused ? "live.resume" : "live.pause", wish.isPaused);
    for (const name of ["mute", "pause", "end"]) {
      part(this.root, name, HTMLButtonElement).disabled = stage === "ending" || stage === "ended";
    }
    this.#showVolume();
    showAudience(this.root, this.status);
    this.#tick();
  }

  /**
   * A control's word, with its shortcut beside.
   *
   * @param {"mute" | "pause"} name
   * @param {string} words
   * @param {boolean} isOn
   */
  #label(name, words, isOn) {
    const button = part(this.root, name, HTMLButtonElement);
    const keys = document.createElement("kbd");
    keys.textContent = this.shortcuts.label(name);
    // For eyes: assistive technology has it from aria-keyshortcuts.
    keys.setAttribute("aria-hidden", "true");
    button.replaceChildren(t(words), " ", keys);
    button.setAttribute("aria-keyshortcuts", this.shortcuts.aria(name));
    button.classList.toggle("on", isOn);
  }

  #showVolume() {
    const volume = part(this.root, "volume", HTMLInputElement);
    // A talk that is gone on with has the one that it had. Not under the finger of who moves it.
    if (this.resting === undefined) volume.valueAsNumber = Math.round(this.broadcast.wish.volume * 100);
    const percent = volume.valueAsNumber;
    part(this.root, "volume-value", HTMLElement).textContent = t("live.percent", { percent });
  }

  /** @param {Connection} connection */
  #connected(connection) {
    const before = this.connection.status;
    this.connection = connection;
    if (connection.status === "open" && before !== "open") {
      this.notices.update((notices, now) => notices.say("common.back", "good", now));
    }
    this.#tick();
  }

  /** What goes with the clock: how long the talk is, and until the next try. */
  #tick() {
    const now = Date.now();
    part(this.root, "clock", HTMLElement).textContent = clock((now - this.startedAt) / 1000);
    const { status, retryAt } = this.connection;
    const place = part(this.root, "connection", HTMLElement);
    place.hidden = status === "open" || status === "closed";
    const count = Math.ceil(((retryAt ?? now) - now) / 1000);
    const waiting = status === "waiting" && count > 0;
    const text =
      status === "offline" ? t("common.offline") : waiting ? t("common.waiting", { count }) : t("live.connecting");
    const told = part(this.root, "connection-text", HTMLElement);
    if (told.textContent !== text) told.textContent = text;
    part(this.root, "retry", HTMLButtonElement).hidden = !waiting;
  }

  /** @param {boolean} following */
  #follows(following) {
    part(this.root, "to-now", HTMLButtonElement).hidden = following;
  }
}
