// The speaker page: what leads from a token to a talk and to its end. Wires the pieces; each hides its own decision.

import { Speaker } from "../client.js";
import { load, t } from "../interface/i18n.js";
import { languagePicker } from "../interface/picker.js";
import { Preferences } from "../interface/preferences.js";
import { words } from "../interface/problems.js";
import { Shortcuts } from "../interface/shortcuts.js";
import { After } from "./speak/after.js";
import { Broadcast } from "./speak/broadcast.js";
import { part } from "./speak/elements.js";
import { GlossaryEditor } from "./speak/glossary-editor.js";
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

/** @import { Problem } from "../client.js" */
/** @import { Created, Resumed } from "../client/speaker.js" */
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
      cancelled: () => this.opening?.close(),
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
    /** @type {Speaker | undefined} */
    this.opening = undefined;
    languagePicker(part(document, "interface-language", HTMLSelectElement));
    this.#place();
    this.#begin();
    void this.setup.loadLanguages();
  }

  /** What the page has to show first: a talk that is open, the set-up, or the field for a token. */
  #begin() {
    const judgement = judged(this.tokens.token, Date.now());
    const good = judgement === "good";
    this.setup.root.hidden = !good;
    if (good) {
      this.tokenCard.hide();
      this.setup.warnOfExpiry(this.tokens.token);
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
    if (this.opening || this.broadcast || !this.setup.complete) return;
    const choices = this.setup.choices;
    this.setup.setBusy(true);
    // In the tap: browsers let nothing play or record otherwise.
    if (!(await this.#openSound())) return this.setup.setBusy(false);
    const { sourceLanguage, qualityTier, pin } = choices;
    const options = { sourceLanguage, qualityTier, glossary: this.glossary.terms, ...(pin ? { pin } : {}) };
    const speaker = new Speaker("", () => this.tokens.token, options);
    await this.#opened(speaker, async (broadcast) => {
      const { sessionId, joinUrl } = /** @type {Created} */ (await speaker.open());
      const now = Date.now();
      const talk = {
        sessionId,
        joinUrl: joinUrl || listenAddress(sessionId),
        sourceLanguage,
        startedAt: now,
        seenAt: now,
      };
      this.#enter(broadcast, talk, pin);
      broadcast.begin();
    });
    this.setup.setBusy(false);
  }

  /** @param {Talk} talk */
  async #goOn(talk) {
    if (this.opening || this.broadcast) return;
    this.openTalk.setBusy(true);
    const sound = this.setup.kind === "file" && !this.setup.choices.file ? Promise.resolve(false) : this.#openSound();
    const speaker = this.#resuming(talk);
    await this.#opened(speaker, async (broadcast) => {
      const { broadcastState } = /** @type {Resumed} */ (await speaker.open());
      this.openTalk.hide();
      this.#enter(broadcast, talk, "");
      broadcast.begin(broadcastState);
      if (!(await sound)) this.#soundOver("failed");
    });
    this.openTalk.setBusy(false);
  }

  /** Ends a talk that another page began. @param {Talk} talk */
  async #endOpen(talk) {
    this.openTalk.setBusy(true);
    const speaker = this.#resuming(talk);
    try {
      await speaker.open();
      await speaker.end();
      forget();
      this.openTalk.hide();
      this.setup.tell(t("open.endedNow"));
    } catch (error) {
      this.#refused(/** @type {Problem} */ (error));
    } finally {
      speaker.close();
      this.openTalk.setBusy(false);
    }
  }

  /** @param {Talk} talk */
  #resuming({ sessionId, sourceLanguage }) {
    const glossary = this.glossary.terms;
    return new Speaker("", () => this.tokens.token, { sourceLanguage, glossary, resume: { sessionId } });
  }

  /** What is chosen, as sound. @returns {Promise<boolean>} whether there is some, or will be */
  async #openSound() {
    const { kind, file } = this.setup.choices;
    if (kind === "microphone") return Boolean(this.sound.microphone) || this.soundPanel.open();
    this.sound.openRecording(file);
    return true;
  }

  /**
   * Opens a session, and says why not.
   *
   * @param {Speaker} speaker
   * @param {(broadcast: Broadcast) => Promise<void>} open
   */
  async #opened(speaker, open) {
    const broadcast = new Broadcast(speaker, this.sound);
    this.opening = speaker;
    const waiting = broadcast.on("connection", (connection) => {
      // Trying again by itself would begin a talk when nobody expects it any more.
      if (connection.problem?.code === "MAX_SESSIONS_EXCEEDED") {
        this.#refused(connection.problem);
        // Not in the middle of what the connection is telling.
        queueMicrotask(() => speaker.close());
      } else this.setup.waiting(connection);
    });
    try {
      await open(broadcast);
    } catch (error) {
      broadcast.close();
      this.setup.waiting(undefined);
      const problem = /** @type {Problem} */ (error);
      if (problem.code !== "CLOSED") this.#refused(problem);
    } finally {
      waiting();
      this.setup.waiting(undefined);
      this.opening = undefined;
    }
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
      this.setup.tell(t("open.gone"));
      return;
    }
    this.setup.refuse(problem);
    if (problem.code === "MAX_SESSIONS_EXCEEDED") void this.openTalk.look();
  }

  /**
   * The talk begins, or goes on.
   *
   * @param {Broadcast} broadcast
   * @param {Talk} talk
   * @param {string} pin
   */
  #enter(broadcast, talk, pin) {
    this.broadcast = broadcast;
    this.live = new Live(this.liveRoot, broadcast, { ...talk, pin }, this.shortcuts);
    const seen = () => remember({ ...talk, seenAt: Date.now() });
    seen();
    const seeing = setInterval(seen, SEEN_EVERY_MS);
    broadcast.on("ended", ({ reason }) => {
      clearInterval(seeing);
      this.#ended(talk, reason);
    });
    broadcast.speaker.on("glossaryAccepted", ({ terms }) =>
      this.glossary.tell(t("glossary.accepted", { count: terms })),
    );
    this.#place();
    const { kind } = this.sound;
    if (kind === "file" || kind === "sample") this.recordingPanel.show(this.setup.choices.file?.name);
    else this.recordingPanel.hide();
    this.live.show();
    this.sound.start();
  }

  /**
   * @param {Talk} talk
   * @param {string} reason
   */
  #ended(talk, reason) {
    const { broadcast, live } = this;
    if (!broadcast || !live) return;
    this.broadcast = this.live = undefined;
    // With another token it can be gone on with.
    if (!TOKEN_CODES.has(reason)) forget();
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

/** @param {string} sessionId */
function listenAddress(sessionId) {
  return `${window.location.origin}/s/${sessionId}`;
}

await load("speak");
new Page();
