// Listening: what comes, what sounds and what is shown, brought together. Hides who tells whom.

import { Listener } from "../../client/listener.js";
import { announce } from "../../interface/announcer.js";
import { part } from "../../interface/elements.js";
import { interfaceLanguage, languageName, on, t } from "../../interface/i18n.js";
import { keyOf, words } from "../../interface/problems.js";
import { inOrder } from "./choosing.js";
import { Desk } from "./desk.js";
import { Hearing } from "./hearing.js";
import { Panels } from "./panels.js";
import { StandingLine } from "./standing-line.js";
import { fillLanguages } from "./start.js";
import { tell } from "./telling.js";

/** @import { Memory } from "../../client/listener.js" */
/** @import { Facts } from "./facts.js" */
/** @import { TabMemory } from "./memory.js" */
/** @import { Sound } from "./sounding.js" */
/** @import { Choice } from "./start.js" */

/** Words that say no more than that it is not connected, which the line says anyway. */
const ORDINARY = new Set(["lost", "offline", "goingAway", "unforeseen", "closed"]);

export class Room {
  #hall = part(document, "hall", HTMLElement);
  #language = part(document, "hall-language", HTMLSelectElement);
  #over = part(document, "over", HTMLElement);
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
  #pin = "";
  /** The language that was asked for last. */
  #tuned = "";
  #in = false;
  #facts;
  #preferences;
  #tab;
  #hearing;
  #desk;
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
    const sound = {
      element: part(document, "audio", HTMLAudioElement),
      title: facts.sessionId,
      artist: "Lingocast",
      sampleRate: /** @type {16000 | 48000} */ (opus ? 48_000 : 16_000),
    };
    this.#desk = new Desk(sound, preferences, (form) => this.#stream(form));
    this.#panels = new Panels(this.#hearing.transcript, this.#hearing.original, facts.sourceLanguage);
    this.#standing.heard = this.#hearing.transcript.segments.length > 0;
    this.#followHearing();
    this.#followDesk();
    this.#followListener();
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
    this.#tuned = language;
    const original = this.#preferences.get("original");
    this.#panels.original = original;
    this.#listLanguages();
    if (tapped) void this.#desk.start(sound);
    else this.#desk.awaitTap(sound);
    try {
      await this.#hearing.join({ language, voice: sound === "voice", original }, resume);
    } catch (problem) {
      this.#desk.stop();
      this.#line.close();
      throw problem;
    }
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
    this.#preferences.set("sound", sound);
    await Promise.all([this.#desk.start(sound), this.#hearing.change({ voice: sound === "voice" }).catch(() => {})]);
  }

  togglePause() {
    this.#desk.togglePause();
  }

  toggleMute() {
    this.#desk.toggleMute();
  }

  skipToLive() {
    this.#desk.skipToLive();
  }

  retry() {
    if (this.#standing.connection === "closed") location.reload();
    else this.#hearing.retryNow();
  }

  /** Somebody looks again: a page that slept may not know that it was cut off, or waits longer than they would. */
  lookAgain() {
    if (this.#in) this.#hearing.retryNow();
  }

  /** What a reload goes on from, said to this tab alone. */
  remember() {
    if (this.#standing.ended || !this.language) return;
    const { memory } = this.#hearing;
    if (memory) this.#tab.remember({ ...memory, language: this.language, pin: this.#pin, sound: this.#desk.wanted });
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
    hearing.on("language", ({ language }) => {
      this.#entered(language);
      // That was said of the other one.
      this.#know({ unavailable: undefined });
    });
    hearing.on("piece", (piece) => {
      this.#desk.receive(piece);
      if (piece.kind === "start" && piece.cue.language === this.language) this.#know({ switching: undefined });
      if (piece.kind === "end") this.remember();
    });
    hearing.on("caption", (segment) => {
      this.#panels.show(segment);
      const own = segment.language === this.language && this.#desk.kind !== "voice";
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
    hearing.on("dropped", ({ cues }) => tell(t("hall.dropped", { count: cues })));
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

  /** The address of the plain stream. @param {"ogg" | "mp3"} form */
  #stream(form) {
    const query = new URLSearchParams({ format: form, ...(this.#pin ? { pin: this.#pin } : {}) });
    return `/listen/${this.#facts.sessionId}/${encodeURIComponent(this.#tuned)}?${query}`;
  }

  // ------------------------------------------------------------------ what the listener does

  #followDesk() {
    const desk = this.#desk;
    desk.on("facts", (facts) => this.#know(facts));
    desk.on("playback", ({ paused }) => (paused ? this.#hearing.pausePlayback() : this.#hearing.resumePlayback()));
    desk.on("wanted", (sound) => void this.listenBy(sound));
    desk.on("dropped", ({ cues }) => tell(t("hall.dropped", { count: cues })));
    desk.on("unable", (kind) => {
      tell(t(kind === "stream" ? "sound.streamInstead" : "sound.none"));
      // Nothing is to come in vain.
      this.#hearing.change({ voice: false }).catch(() => {});
    });
  }

  #followListener() {
    this.#language.addEventListener("change", () => void this.#switch(this.#language.value));
    on("change", () => this.#listLanguages());
    this.#preferences.on("change", (key) => {
      if (key !== "original") return;
      const original = this.#preferences.get("original");
      this.#panels.original = original;
      this.#hearing.change({ original }).catch(() => {});
    });
  }

  /** @param {string} language */
  async #switch(language) {
    this.#know({ switching: languageName(language) });
    this.#tuned = language;
    try {
      await this.#hearing.change({ language });
      await this.#desk.tune();
    } catch (problem) {
      this.#tuned = this.language;
      this.#know({ switching: undefined });
      tell(words(/** @type {import("../../interface/problems.js").Told} */ (problem)).title);
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

  #isOver() {
    this.#over.hidden = false;
    this.#language.disabled = true;
    this.#desk.finish();
  }
}
