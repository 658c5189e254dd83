// The speaker page: what leads from a token to a talk and to its end. Wires the pieces; each hides its own decision.

import { part } from "../interface/elements.js";
import { load, t } from "../interface/i18n.js";
import { languagePicker } from "../interface/picker.js";
import { Preferences } from "../interface/preferences.js";
import { words } from "../interface/problems.js";
import { Shortcuts } from "../interface/shortcuts.js";
import { After } from "./speak/after.js";
import { Broadcast } from "./speak/broadcast.js";
import { Entrance } from "./speak/entrance.js";
import { GlossaryEditor } from "./speak/glossary-editor.js";
import { forgetCaptions, keepCaptions } from "./speak/kept-captions.js";
import { Live } from "./speak/live.js";
import { OpenTalk } from "./speak/open-talk.js";
import { RecordingPanel } from "./speak/recording-panel.js";
import { Setup } from "./speak/setup.js";
import { ShortcutsPanel } from "./speak/shortcuts-panel.js";
import { Sound } from "./speak/sound.js";
import { SoundPanel } from "./speak/sound-panel.js";
import { forget, remember } from "./speak/talk.js";
import { judged, TokenStore } from "./speak/token.js";
import { TokenCard } from "./speak/token-card.js";

/** @import { Problem, Speaker } from "../client.js" */
/** @import { Talk } from "./speak/talk.js" */

const PREFERENCES = {
  source: "microphone",
  language: "",
  tier: "standard",
  deviceId: "",
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  glossary: /** @type {import("./speak/glossary.js").Row[]} */ ([]),
  shortcuts: /** @type {Record<string, string>} */ ({}),
};
/** How often it is noted that the page lives, for the one that comes after a crash. */
const SEEN_EVERY_MS = 5_000;
/** Refusals by which a token is found to be no good. */
const TOKEN_CODES = new Set(["MISSING_TOKEN", "INVALID_TOKEN", "TOKEN_EXPIRED"]);
/** Ends of this page's part, not of the talk. */
const ELSEWHERE = new Set(["REPLACED", "CONFLICT"]);

class Page {
  constructor() {
    const preferences = new Preferences("speak", PREFERENCES);
    this.preferences = preferences;
    this.main = part(document, "main", HTMLElement);
    this.before = part(document, "before", HTMLElement);
    this.liveRoot = part(document, "live", HTMLElement);
    this.tokens = new TokenStore();
    this.tokenCard = new TokenCard(part(document, "token-card", HTMLElement), (token) => this.#tokenGiven(token));
    this.sound = new Sound({
      chunk: (samples) => this.broadcast?.send(samples),
      level: (level) => (this.live?.meter ?? this.soundPanel.meter).receive(level),
      over: (reason) => this.#soundOver(reason),
      interrupted: (active) => this.#interrupted(active),
      progress: (at) => this.recordingPanel.at(at),
      failed: () => this.#soundOver("failed"),
    });
    this.soundPanel = new SoundPanel(this.sound, preferences, () => this.#microphoneOpened());
    this.glossary = new GlossaryEditor(preferences, (terms) => void this.#setGlossary(terms));
    this.recordingPanel = new RecordingPanel(part(document, "recording", HTMLElement));
    this.setup = new Setup(part(document, "setup", HTMLFormElement), preferences, this.glossary, {
      kindChosen: (kind) => this.#kindChosen(kind),
      submitted: () => void this.#goLive(),
      cancelled: () => this.entrance.cancel(),
    });
    this.entrance = new Entrance(() => this.tokens.token, {
      waiting: (connection) => this.setup.telling.waiting(connection),
      refused: (problem) => this.#refused(problem),
    });
    this.openTalk = new OpenTalk(part(document, "open-talk", HTMLElement), {
      goOn: (talk) => void this.#goOn(talk),
      end: (talk) => void this.#endOpen(talk),
    });
    this.after = new After(part(document, "after", HTMLElement), () => this.#again());
    this.shortcuts = new Shortcuts(
      preferences,
      { mute: "Mod+M", pause: "Mod+P" },
      { mute: () => this.broadcast?.toggleMute(), pause: () => this.broadcast?.togglePause() },
    );
    new ShortcutsPanel(part(document, "shortcuts-place", HTMLElement), this.shortcuts, ["mute", "pause"]);
    this.shortcuts.on("change", () => this.live?.draw());
    window.addEventListener("beforeunload", (event) => this.broadcast && event.preventDefault());
    // A link that is opened in a tab that has the page already only changes what is behind the #.
    window.addEventListener("hashchange", () => this.tokens.take() && !this.broadcast && this.#begin());
    /** @type {Broadcast | undefined} */
    this.broadcast = undefined;
    /** @type {Live | undefined} */
    this.live = undefined;
    languagePicker(part(document, "interface-language", HTMLSelectElement));
    this.#place();
    this.#begin();
    void this.setup.loadLanguages();
  }

  /** What the page has to show first: a talk that is open, the set-up, or the field for a token. */
  #begin() {
    document.title = `${t("speak.title")} · Lingocast`;
    const judgement = judged(this.tokens.token, Date.now());
    const good = judgement === "good";
    this.setup.root.hidden = !good;
    if (good) {
      this.tokenCard.hide();
      this.setup.telling.warnOfExpiry(this.tokens.token);
      void this.openTalk.look();
    } else this.tokenCard.show(judgement);
  }

  /** @param {string} token */
  #tokenGiven(token) {
    this.tokens.keep(token);
    this.#begin();
    this.setup.focus();
  }

  /** The pieces that are in the set-up and in the talk. */
  #place() {
    const live = Boolean(this.live);
    this.before.hidden = live;
    this.main.classList.toggle("wide", live);
    part(document, live ? "live-sound-place" : "sound-place", HTMLElement).append(this.soundPanel.root);
    part(document, live ? "live-glossary-place" : "glossary-place", HTMLElement).append(this.glossary.root);
    this.glossary.setLive(live);
    this.soundPanel.setLive(live);
  }

  /** @param {import("./speak/sound.js").Kind} kind */
  #kindChosen(kind) {
    this.soundPanel.root.hidden = kind !== "microphone";
    // The sign that the page listens must not go on for who broadcasts a file.
    if (kind !== "microphone") this.soundPanel.rest();
  }

  async #goLive() {
    if (this.#isBusy) return;
    this.setup.setBusy(true);
    try {
      // Only where it is needed: Safari forgets the tap over a wait.
      if (this.setup.loading) await this.setup.loading;
      if (!this.setup.check()) return;
      const { sourceLanguage, qualityTier, pin } = this.setup.choices;
      // In the tap: browsers let nothing play or record otherwise.
      if (!(await this.#openSound())) return;
      const options = { sourceLanguage, qualityTier, glossary: this.glossary.terms, ...(pin ? { pin } : {}) };
      const opened = await this.entrance.create(options);
      if (!opened) return;
      const { sessionId } = opened.created;
      const joinUrl = opened.created.joinUrl || `${window.location.origin}/s/${sessionId}`;
      const now = Date.now();
      forgetCaptions();
      this.#enter(opened.speaker, { sessionId, joinUrl, sourceLanguage, startedAt: now, seenAt: now }, pin).begin();
    } finally {
      this.setup.setBusy(false);
    }
  }

  /** Whether a talk goes on or is about to: it may be a while until a microphone is allowed. */
  get #isBusy() {
    return this.setup.isBusy || this.entrance.isBusy || this.broadcast !== undefined;
  }

  /** @param {Talk} talk */
  async #goOn(talk) {
    if (this.#isBusy) return;
    this.openTalk.setBusy(true);
    const { kind, file } = this.setup.choices;
    // The talk is first: it does not wait for long, and it can be spoken in without what was chosen here.
    const sound = kind === "file" && !file ? Promise.resolve(false) : this.#openSound();
    const opened = await this.entrance.resume(talk, this.glossary.terms);
    this.openTalk.setBusy(false);
    if (!opened) return;
    this.openTalk.hide();
    this.#enter(opened.speaker, talk, "").begin(opened.resumed.broadcastState);
    if (!(await sound)) this.#soundOver("failed");
  }

  /** Ends a talk that another page began. @param {Talk} talk */
  async #endOpen(talk) {
    if (this.#isBusy) return;
    this.openTalk.setBusy(true);
    if (await this.entrance.end(talk)) {
      forget();
      this.openTalk.hide();
      this.setup.telling.say(t("open.endedNow"));
    }
    this.openTalk.setBusy(false);
  }

  /** What is chosen, as sound. @returns {Promise<boolean>} whether there is some, or will be */
  async #openSound() {
    const { kind, file } = this.setup.choices;
    if (kind === "microphone") return Boolean(this.sound.microphone) || this.soundPanel.open();
    this.sound.openRecording(file);
    return true;
  }

  /** @param {Problem} problem */
  #refused(problem) {
    if (TOKEN_CODES.has(problem.code)) {
      this.tokens.forget();
      this.setup.root.hidden = true;
      this.tokenCard.show(problem.code === "TOKEN_EXPIRED" ? "expired" : "refused");
      return;
    }
    if (problem.code === "SESSION_NOT_FOUND") {
      forget();
      this.openTalk.hide();
      this.setup.telling.say(t("open.gone"));
      return;
    }
    this.setup.telling.refuse(problem);
    if (problem.code === "MAX_SESSIONS_EXCEEDED") void this.openTalk.look();
  }

  /**
   * The talk begins, or goes on.
   *
   * @param {Speaker} speaker
   * @param {Talk} talk
   * @param {string} pin
   * @returns {Broadcast} to be begun
   */
  #enter(speaker, talk, pin) {
    const broadcast = new Broadcast(speaker, this.sound);
    this.broadcast = broadcast;
    const live = new Live(this.liveRoot, broadcast, { ...talk, pin }, this.shortcuts);
    this.live = live;
    const seen = () => {
      remember({ ...talk, seenAt: Date.now() });
      keepCaptions(talk.sessionId, live.transcript);
    };
    seen();
    const seeing = setInterval(seen, SEEN_EVERY_MS);
    window.addEventListener("pagehide", seen);
    broadcast.on("ended", ({ reason }) => {
      clearInterval(seeing);
      window.removeEventListener("pagehide", seen);
      this.#ended(talk, reason);
    });
    speaker.on("glossaryAccepted", ({ terms }) => this.glossary.tell(t("glossary.accepted", { count: terms })));
    this.#place();
    const { kind } = this.sound;
    if (kind === "file" || kind === "sample") this.recordingPanel.show(this.setup.choices.file?.name);
    else this.recordingPanel.hide();
    live.show();
    this.sound.start();
    return broadcast;
  }

  /**
   * @param {Talk} talk
   * @param {string} reason
   */
  #ended(talk, reason) {
    const { broadcast, live } = this;
    if (!broadcast || !live) return;
    this.broadcast = this.live = undefined;
    if (TOKEN_CODES.has(reason)) this.tokens.forget();
    else if (!ELSEWHERE.has(reason)) {
      forget();
      forgetCaptions();
    }
    broadcast.close();
    this.sound.close();
    live.close();
    this.soundPanel.rest();
    this.#place();
    this.before.hidden = true;
    this.after.show(talk, live.transcript, { seconds: (Date.now() - talk.startedAt) / 1000, reason });
  }

  #again() {
    this.before.hidden = false;
    this.#begin();
    this.setup.focus();
  }

  /** @param {"unplugged" | "finished" | "failed"} reason */
  #soundOver(reason) {
    if (!this.broadcast || !this.live) {
      if (reason === "unplugged") this.soundPanel.fail({ name: "missing" });
      return;
    }
    if (reason !== "finished") this.soundPanel.rest();
    this.broadcast.setSourceLost(true);
    this.live.soundLost(reason);
  }

  #microphoneOpened() {
    if (!this.live) return;
    this.recordingPanel.hide();
    this.broadcast?.setSourceLost(false);
    this.live.soundBack();
  }

  /** @param {boolean} active */
  #interrupted(active) {
    this.broadcast?.setSourceLost(!active);
    if (active) this.live?.soundBack();
    else this.live?.soundLost("interrupted");
  }

  /** @param {import("./speak/glossary.js").Term[]} terms */
  async #setGlossary(terms) {
    try {
      await this.broadcast?.speaker.setGlossary(terms);
    } catch (error) {
      const { title, advice } = words(/** @type {Problem} */ (error));
      this.glossary.tell(`${title}. ${advice}`);
    }
  }
}

await load("speak");
new Page();
