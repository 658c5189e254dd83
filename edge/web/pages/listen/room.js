// Listening: what comes, what sounds and what is shown, brought together. Hides who tells whom.

import { Listener } from "../../client/listener.js";
import { announce } from "../../interface/announcer.js";
import { interfaceLanguage, languageName, on, t } from "../../interface/i18n.js";
import { keyOf, words } from "../../interface/problems.js";
import { keepAwake } from "../../interface/wakelock.js";
import { part } from "../speak/elements.js";
import { inOrder } from "./choosing.js";
import { Controls } from "./controls.js";
import { Hearing } from "./hearing.js";
import { Panels } from "./panels.js";
import { Sounding } from "./sounding.js";
import { StandingLine } from "./standing-line.js";
import { fillLanguages } from "./start.js";

/** @import { Memory } from "../../client/listener.js" */
/** @import { Facts } from "./facts.js" */
/** @import { TabMemory } from "./memory.js" */
/** @import { Sound } from "./sounding.js" */
/** @import { Choice } from "./start.js" */

/** Words that say no more than that it is not connected, which the line says anyway. */
const ORDINARY = new Set(["lost", "offline", "goingAway", "unforeseen", "closed"]);
/** While the rest is heard, the end can wait. */
const REST_MS = 200;

export class Room {
  #hall = part(document, "hall", HTMLElement);
  #language = part(document, "hall-language", HTMLSelectElement);
  #over = part(document, "over", HTMLElement);
  #controls = new Controls();
  #line = new StandingLine(() => this.retry());
  /** @type {import("./standing.js").Facts} */
  #standing = {
    connection: "connecting",
    ended: false,
    silent: false,
    interrupted: false,
    paused: false,
    stream: false,
    heard: false,
  };
  /** @type {Sound} What the listener wants to hear. */
  #wanted = "voice";
  #pin = "";
  /** The language that was asked for last. */
  #tuned = "";
  #in = false;
  #letSleep = () => {};
  #facts;
  #preferences;
  #tab;
  #hearing;
  #sounding;
  #panels;

  /**
   * @param {Facts} facts
   * @param {import("../../interface/preferences.js").Preferences<import("./settings.js").Chosen>} preferences
   * @param {TabMemory} tab
   */
  constructor(facts, preferences, tab) {
    this.#facts = facts;
    this.#preferences = preferences;
    this.#tab = tab;
    const opus = facts.opus && typeof AudioDecoder === "function";
    this.#hearing = new Hearing((wishes, resume) => {
      const audio = wishes.voice ? (opus ? "opus" : "pcm") : "off";
      const captions = wishes.original ? "source" : undefined;
      return new Listener("", facts.sessionId, { language: wishes.language, pin: this.#pin, captions, audio, resume });
    }, facts.sourceLanguage);
    tab.recallTalk("said", this.#hearing.transcript);
    tab.recallTalk("original", this.#hearing.original);
    this.#sounding = new Sounding({
      element: part(document, "audio", HTMLAudioElement),
      title: facts.sessionId,
      artist: "Lingocast",
      sampleRate: opus ? 48_000 : 16_000,
    });
    this.#panels = new Panels(this.#hearing.transcript, this.#hearing.original, facts.sourceLanguage);
    this.#standing.heard = this.#hearing.transcript.segments.length > 0;
    this.#followHearing();
    this.#followSounding();
    this.#followControls();
    this.#followPreferences();
  }

  get transcript() {
    return this.#hearing.transcript;
  }

  get original() {
    return this.#hearing.original;
  }

  get language() {
    return this.#hearing.language;
  }

  /**
   * Joins. To be called in the tap, unless nothing is to sound yet.
   * @param {Choice} choice
   * @param {{resume?: Memory, tapped: boolean}} how `tapped` false: sound waits for a tap in the room
   * @throws {import("../../client/problem.js").Problem} refused
   */
  async enter({ language, pin, sound }, { resume, tapped }) {
    this.#pin = pin;
    this.#wanted = sound;
    this.#tuned = language;
    const original = this.#preferences.get("original");
    this.#panels.original = original;
    this.#listLanguages();
    if (tapped) void this.#sound();
    else this.#awaitTap(sound);
    try {
      await this.#hearing.join({ language, voice: sound === "voice", original }, resume);
    } catch (problem) {
      this.#sounding.stop();
      this.#line.close();
      throw problem;
    }
  }

  /** @param {Sound} sound */
  #awaitTap(sound) {
    if (sound !== "off") this.#sounding.expect();
    this.#know({ silent: sound !== "off" });
    this.#showSound();
  }

  /** Back to the first screen. */
  hide() {
    this.#hall.hidden = true;
    document.body.dataset.phase = "start";
  }

  /** Shows the room instead of the first screen, once there is something in it. */
  show() {
    if (!this.#hall.hidden) return;
    this.#hall.hidden = false;
    document.body.dataset.phase = "hall";
    part(document, "hall-title", HTMLElement).focus({ preventScroll: true });
    this.#know({});
  }

  /** @param {() => void} handler called once there is something to be seen in the room */
  whenReady(handler) {
    this.#hearing.on("joined", handler);
    this.#hearing.on("connection", ({ status }) => {
      if (status === "waiting" || status === "offline") handler();
    });
  }

  /** Another way to listen; to be called in the tap. @param {Sound} sound */
  async listenBy(sound) {
    this.#wanted = sound;
    this.#preferences.set("sound", sound);
    await Promise.all([this.#sound(), this.#hearing.change({ voice: sound === "voice" }).catch(() => {})]);
  }

  togglePause() {
    if (this.#sounding.kind !== "off") this.#pause(!this.#sounding.paused);
  }

  toggleMute() {
    this.#preferences.set("muted", !this.#preferences.get("muted"));
  }

  skipToLive() {
    if (this.#sounding.kind === "off") return;
    this.#sounding.skipToLive();
    this.#paused(false);
  }

  retry() {
    if (this.#standing.connection === "closed") location.reload();
    else this.#hearing.retryNow();
  }

  /** What a reload goes on from, said to this tab alone. */
  remember() {
    if (this.#standing.ended || !this.language) return;
    const { memory } = this.#hearing;
    if (memory) this.#tab.remember({ ...memory, language: this.language, pin: this.#pin, sound: this.#wanted });
  }

  /** All that was said, too: it takes longer. */
  rememberAll() {
    this.remember();
    this.#tab.rememberTalk("said", this.#hearing.transcript);
    this.#tab.rememberTalk("original", this.#hearing.original);
  }

  // ------------------------------------------------------------------ what comes

  #followHearing() {
    const hearing = this.#hearing;
    hearing.on("joined", ({ language }) => {
      this.#in = true;
      this.#entered(language);
      announce(t("hall.joined", { language: languageName(language, interfaceLanguage()) }));
    });
    hearing.on("language", ({ language }) => this.#entered(language));
    hearing.on("piece", (piece) => {
      this.#sounding.receive(piece);
      if (piece.kind === "start" && piece.cue.language === this.language) this.#know({ switching: undefined });
      if (piece.kind === "end") this.remember();
    });
    hearing.on("caption", (segment) => {
      this.#panels.show(segment);
      const own = segment.language === this.language && this.#wanted !== "voice";
      if (!this.#standing.heard || own) this.#know({ heard: true, ...(own ? { switching: undefined } : {}) });
    });
    hearing.on("original", (segment) => this.#panels.showOriginal(segment));
    hearing.on("state", (broadcast) => this.#know({ broadcast }));
    hearing.on("connection", ({ status, retryAt, problem }) => {
      const reason = problem && !ORDINARY.has(keyOf(problem)) ? words(problem).title : undefined;
      this.#know({ connection: status, retryAt, reason });
      if (status === "closed" && this.#in && !this.#standing.ended) this.#closed(problem);
    });
    hearing.on("unavailable", ({ language }) => this.#know({ unavailable: languageName(language) }));
    hearing.on("recovered", () => this.#know({ unavailable: undefined }));
    hearing.on("dropped", ({ cues }) => announce(t("hall.dropped", { count: cues })));
    hearing.on("ended", ({ reason }) => this.#ended(reason));
  }

  /** @param {string} language */
  #entered(language) {
    this.#tuned = language;
    this.#preferences.set("language", language);
    this.#listLanguages();
    this.remember();
  }

  /** @param {Partial<import("./standing.js").Facts>} facts */
  #know(facts) {
    Object.assign(this.#standing, facts);
    if (!this.#hall.hidden) this.#line.show(this.#standing);
  }

  // ------------------------------------------------------------------ what sounds

  /** Begins to sound, or ceases to; in a tap. */
  async #sound() {
    const wanted = this.#wanted;
    this.#know({ silent: false, interrupted: false });
    this.#paused(false);
    this.#sounding.volume = this.#preferences.get("volume");
    this.#sounding.muted = this.#preferences.get("muted");
    await this.#sounding.start(wanted, this.#stream);
    if (wanted === this.#wanted && wanted !== "off" && this.#sounding.kind === "off")
      await this.#insteadOf("sound.none");
  }

  /** This browser cannot do what is wanted: that is told, and nothing comes in vain. @param {string} key of the words */
  async #insteadOf(key) {
    announce(t(key), { assertive: true });
    await this.#hearing.change({ voice: false }).catch(() => {});
  }

  /** The address of the plain stream. @type {(form: "ogg" | "mp3") => string} */
  #stream = (form) => {
    const query = new URLSearchParams({ format: form, ...(this.#pin ? { pin: this.#pin } : {}) });
    return `/listen/${this.#facts.sessionId}/${encodeURIComponent(this.#tuned)}?${query}`;
  };

  #followSounding() {
    const sounding = this.#sounding;
    sounding.on("kind", (kind) => {
      this.#showSound();
      if (kind === "stream" && this.#wanted === "voice") void this.#insteadOf("sound.streamInstead");
    });
    sounding.on("status", (status) => {
      this.#controls.status = status;
      if (status.paused !== this.#standing.paused) this.#paused(status.paused);
    });
    sounding.on("interrupted", ({ active }) => this.#know({ interrupted: !active }));
    sounding.on("dropped", ({ cues }) => announce(t("hall.dropped", { count: cues })));
    sounding.on("remote", ({ action }) => this.#pause(action !== "play"));
  }

  #showSound() {
    const { kind } = this.#sounding;
    const { ended, silent } = this.#standing;
    const soundOn = silent ? "controls.soundTap" : "controls.soundOn";
    this.#controls.mode = {
      shown: kind !== "off",
      live: kind === "voice" && !ended,
      soundOn: kind === "off" && !ended ? soundOn : undefined,
    };
    this.#know({ stream: kind === "stream" });
    this.#letSleep();
    this.#letSleep = kind === "off" && ended ? () => {} : keepAwake();
  }

  /** @param {boolean} paused */
  #pause(paused) {
    if (paused) this.#sounding.pause();
    else this.#sounding.resume();
    this.#paused(paused);
    if (paused) this.#hearing.pausePlayback();
    else this.#hearing.resumePlayback();
  }

  /** @param {boolean} paused */
  #paused(paused) {
    this.#controls.paused = paused;
    this.#know(paused ? { paused } : { paused, interrupted: false });
  }

  // ------------------------------------------------------------------ what the listener does

  #followControls() {
    this.#controls.on("pause", (paused) => this.#pause(paused));
    this.#controls.on("live", () => this.skipToLive());
    this.#controls.on("muted", () => this.toggleMute());
    this.#controls.on("volume", (volume) => this.#preferences.set("volume", volume));
    this.#controls.on("soundOn", () => void this.listenBy(this.#wanted === "off" ? "voice" : this.#wanted));
    this.#language.addEventListener("change", () => void this.#switch(this.#language.value));
    on("change", () => this.#listLanguages());
  }

  #followPreferences() {
    const show = () => {
      this.#controls.volume = this.#preferences.get("volume");
      this.#controls.muted = this.#preferences.get("muted");
      this.#sounding.volume = this.#preferences.get("volume");
      this.#sounding.muted = this.#preferences.get("muted");
    };
    show();
    this.#preferences.on("change", (key) => {
      show();
      if (key !== "original") return;
      this.#panels.original = this.#preferences.get("original");
      this.#hearing.change({ original: this.#preferences.get("original") }).catch(() => {});
    });
  }

  /** @param {string} language */
  async #switch(language) {
    this.#know({ switching: languageName(language) });
    this.#tuned = language;
    try {
      await this.#hearing.change({ language });
      await this.#sounding.tune(this.#stream);
    } catch (problem) {
      this.#tuned = this.language;
      this.#know({ switching: undefined });
      announce(words(/** @type {any} */ (problem)).title, { assertive: true });
    }
    this.#listLanguages();
  }

  #listLanguages() {
    const languages = inOrder(this.#facts.targetLanguages, navigator.languages, interfaceLanguage());
    fillLanguages(this.#language, languages, this.#tuned);
  }

  // ------------------------------------------------------------------ the end

  /** @param {string} reason */
  #ended(reason) {
    const gone = ["speaker_gone", "expired", "while_away"].includes(reason);
    part(document, "over-words", HTMLElement).textContent = t(gone ? "over.gone" : "over.speaker");
    this.#know({ ended: true, silent: false });
    this.#tab.forget();
    this.#isOver();
  }

  /** @param {import("../../client/problem.js").Problem | undefined} problem */
  #closed(problem) {
    const { title, advice } = words(problem ?? { closeCode: 1000 });
    const heading = part(document, "over-title", HTMLElement);
    heading.removeAttribute("data-t");
    heading.textContent = title;
    part(document, "over-words", HTMLElement).textContent = advice;
    this.#isOver();
  }

  /** What is in hand is still heard. */
  #isOver() {
    this.#over.hidden = false;
    this.#showSound();
    this.#language.disabled = true;
    const waiting = setInterval(() => {
      if (this.#sounding.sounds) return;
      clearInterval(waiting);
      this.#sounding.stop();
      this.#showSound();
    }, REST_MS);
  }
}
