// One person's listening, whatever connections it takes: language, original and sound are changed by a second connection
// that takes the place of the first, so that the cue under way is heard to its end and the next is of what was chosen.
// Hides which connection something came by; keeps the captions of all of them. It has no element and plays nothing.

import { Transcript } from "../../captions/transcript.js";
import { Emitter } from "../../client/emitter.js";
import { Relay } from "./relay.js";

/** @import { Listener, Memory } from "../../client/listener.js" */
/** @import { Piece } from "./relay.js" */

/**
 * What a person wants to get.
 * @typedef {object} Wishes
 * @property {string} language
 * @property {boolean} voice whether audio is to come
 * @property {boolean} original whether the speaker's own words are to come
 */

/** @typedef {import("./standing.js").ConnectionStatus} ConnectionStatus */

/** A connection that was replaced has so long for the end of its cue. */
const GIVE_WAY_MS = 25_000;

/**
 * @typedef {object} Events
 * @property {{language: string}} joined
 * @property {Piece} piece the voice
 * @property {import("../../captions/transcript.js").Segment} caption as the transcript has it now
 * @property {import("../../captions/transcript.js").Segment} original
 * @property {import("./standing.js").Facts["broadcast"]} state
 * @property {{status: ConnectionStatus, retryAt?: number, problem?: import("../../client/problem.js").Problem}} connection
 * @property {{language: string}} language captions and the next cue are in this one
 * @property {{cues: number, seconds: number}} dropped
 * @property {{language: string, reason: string}} unavailable
 * @property {{code: string}} recovered
 * @property {{reason: string}} ended
 */

/** @extends {Emitter<Events>} */
export class Hearing extends Emitter {
  /** All that was said, in the languages in which it was listened to. */
  transcript = new Transcript();
  /** The speaker's own words, as far as they were asked for. */
  original;

  /** @type {Listener | undefined} */
  #listener;
  /** @type {Wishes | undefined} What the present connection brings. */
  #given;
  /** @type {Wishes | undefined} What was asked for last. */
  #wished;
  /** @type {Promise<unknown>} */
  #joining = Promise.resolve();
  /** @type {Promise<void> | undefined} */
  #changing;
  /** @type {Map<Listener, (() => void)[]>} What ends our listening to each connection. */
  #ends = new Map();
  /** @type {Map<Listener, ReturnType<typeof setTimeout>>} */
  #leaving = new Map();
  #relay = new Relay();
  #lastCue = "";
  #closed = false;
  #connect;

  /**
   * @param {(wishes: Wishes, resume: Memory | undefined) => Listener} connect makes a connection, not yet opened
   * @param {string} sourceLanguage
   */
  constructor(connect, sourceLanguage) {
    super();
    this.#connect = connect;
    this.original = new Transcript({ language: sourceLanguage });
  }

  /** The language listened to now, as the server calls it; empty before. */
  get language() {
    return this.#given?.language ?? "";
  }

  /** @returns {Memory | undefined} for the next page load */
  get memory() {
    const memory = this.#listener?.memory;
    return memory && { ...memory, lastCue: memory.lastCue || this.#lastCue };
  }

  /**
   * Joins, or goes on where an earlier page was.
   * @param {Wishes} wishes
   * @param {Memory} [resume]
   * @throws {import("../../client/problem.js").Problem} refused
   */
  async join(wishes, resume) {
    this.#wished = wishes;
    this.#status = "connecting";
    const listener = this.#connect(wishes, resume);
    this.#listener = listener;
    this.#given = wishes;
    this.#heed(listener);
    this.#relay.follow(listener);
    try {
      const opened = listener.open();
      this.#joining = opened.catch(() => {});
      await opened;
    } catch (problem) {
      this.#forget(listener);
      this.#listener = this.#wished = undefined;
      throw problem;
    }
  }

  /**
   * Changes what comes. Several changes at once become one; those who ask are answered when the last has been made.
   * After the end nothing is changed: that would join anew.
   * @param {Partial<Wishes>} wishes
   * @throws {import("../../client/problem.js").Problem} refused: all is as before
   */
  async change(wishes) {
    if (!this.#wished || this.#isOver) return;
    this.#wished = { ...this.#wished, ...wishes };
    await this.#joining;
    this.#changing ??= this.#change().finally(() => {
      this.#changing = undefined;
    });
    await this.#changing;
  }

  pausePlayback() {
    this.#listener?.pausePlayback().catch(() => {}); // For the server's books only.
  }

  resumePlayback() {
    this.#listener?.resumePlayback().catch(() => {});
  }

  retryNow() {
    this.#listener?.retryNow();
    this.#next?.retryNow();
  }

  /** Leaves. Captions stay. */
  async close() {
    this.#closed = true;
    const all = [...this.#ends.keys()];
    for (const listener of all) this.#forget(listener);
    await Promise.all(all.map((listener) => listener.close()));
  }

  async #change() {
    while (this.#wished && this.#given && !same(this.#wished, this.#given) && !this.#isOver) {
      const [wishes, before] = [this.#wished, this.#given];
      try {
        await this.#replace(wishes);
      } catch (problem) {
        // Unless something else was wished meanwhile, what is there stays.
        if (this.#wished === wishes) this.#wished = before;
        if (this.#wished === before) throw problem;
      }
    }
  }

  /** @param {Wishes} wishes */
  async #replace(wishes) {
    const former = this.#listener;
    const next = this.#connect(wishes, this.#handOver(wishes));
    this.#next = next;
    this.#isStale = false;
    let took = false;
    const take = () => {
      if (took || this.#closed) return;
      took = true;
      if (wishes.language !== this.#given?.language) this.#lastCue = "";
      this.#given = wishes;
      this.#listener = next;
      if (former) this.#letGo(former);
      this.#relayed(this.#relay.follow(next));
      this.#untold = undefined;
      this.#tellStatus({ status: "open" });
      this.emit("language", { language: wishes.language });
    };
    // Before anything else that it brings is handed out.
    this.#heed(next, take);
    try {
      await next.open();
      take();
    } catch (problem) {
      this.#forget(next);
      if (!this.#isStale) throw problem;
    } finally {
      this.#next = undefined;
      if (this.#untold) this.#tellStatus(this.#untold);
      this.#untold = undefined;
    }
    if (this.#closed) await next.close();
  }

  /**
   * From what the next connection goes on. While the present one is open it brings its cue to the end by itself; a lost
   * one has missed what followed its last cue.
   * @param {Wishes} wishes
   * @returns {Memory | undefined}
   */
  #handOver(wishes) {
    const memory = this.memory;
    const missed = this.#status !== "open" && wishes.language === this.#given?.language;
    return memory && { ...memory, lastCue: missed ? memory.lastCue : "" };
  }

  /** @type {ConnectionStatus} */
  #status = "connecting";
  /** @type {Listener | undefined} Which is to take the present one's place. */
  #next;
  /** Whether it was given up, as it knew of the present one what is so no more. */
  #isStale = false;
  /** @type {import("../../client/connection.js").Status | undefined} That it was closed, while it is being replaced. */
  #untold;

  /** Left, ended, or refused for good. */
  get #isOver() {
    return this.#closed || this.#status === "closed";
  }

  /** @param {import("../../client/connection.js").Status} told */
  #tellStatus(told) {
    // A lost one that came back by itself has another place by now. Who would take the old one would be one more
    // listener, which a full session refuses again and again.
    if (told.status === "open" && this.#status !== "open") this.#renew();
    this.#status = told.status;
    this.emit("connection", told);
  }

  /** Who is about to follow is to begin again, from the place that the present one has now. */
  #renew() {
    if (!this.#next || this.#next === this.#listener) return;
    this.#isStale = true;
    void this.#next.close();
  }

  /**
   * @param {Listener} listener
   * @param {() => void} [joined]
   */
  #heed(listener, joined) {
    const mine = (/** @type {() => void} */ act) => {
      if (listener === this.#listener) act();
    };
    this.#ends.set(listener, [
      listener.on("joined", (told) => {
        joined?.();
        mine(() => {
          if (this.#given) this.#given = { ...this.#given, language: told.targetLanguage };
          if (this.#wished) this.#wished = { ...this.#wished, language: told.targetLanguage };
          this.emit("joined", { language: told.targetLanguage });
        });
      }),
      listener.on("cueStart", (cue) => this.#receive(listener, { kind: "start", cueId: cue.cueId, cue })),
      listener.on("audio", (sound) => this.#receive(listener, { kind: "audio", ...sound })),
      listener.on("cueEnd", ({ cueId, cut }) => this.#receive(listener, { kind: "end", cueId, cut })),
      listener.on("caption", (caption) => mine(() => this.#caption("caption", this.transcript.receive(caption)))),
      listener.on("sourceCaption", (caption) => mine(() => this.#caption("original", this.original.receive(caption)))),
      listener.on("state", (state) => mine(() => this.emit("state", state))),
      listener.on("dropped", (told) => mine(() => this.emit("dropped", told))),
      listener.on("unavailable", (told) => mine(() => this.emit("unavailable", told))),
      listener.on("recovered", (told) => mine(() => this.emit("recovered", told))),
      listener.on("ended", (told) => mine(() => this.emit("ended", told))),
      listener.on("connection", (told) => {
        if (this.#leaving.has(listener) && told.status !== "open") this.#gone(listener);
        mine(() => {
          // It may close before the answer to the one that takes its place is read.
          if (told.problem?.code === "REPLACED" && this.#next) this.#untold = told;
          else this.#tellStatus(told);
        });
      }),
    ]);
  }

  /** @param {"caption" | "original"} name @param {import("../../captions/transcript.js").Segment | undefined} segment */
  #caption(name, segment) {
    if (segment) this.emit(name, segment);
  }

  /** @param {Listener} listener @param {Piece} piece */
  #receive(listener, piece) {
    this.#relayed(this.#relay.receive(listener, piece));
    if (piece.kind === "end" && !piece.cut && listener === this.#listener) this.#lastCue = piece.cueId;
  }

  /** @param {Piece[]} pieces */
  #relayed(pieces) {
    for (const piece of pieces) this.emit("piece", piece);
  }

  /** Another has taken its place: it may bring its cue to the end. @param {Listener} listener */
  #letGo(listener) {
    this.#leaving.set(
      listener,
      setTimeout(() => this.#gone(listener), GIVE_WAY_MS),
    );
    // A lost one would come back and be a second listener.
    if (this.#status !== "open" || this.#untold) this.#gone(listener);
  }

  /** @param {Listener} listener */
  #gone(listener) {
    this.#forget(listener);
    this.#relayed(this.#relay.gone(listener));
    void listener.close();
  }

  /** @param {Listener} listener */
  #forget(listener) {
    clearTimeout(this.#leaving.get(listener));
    this.#leaving.delete(listener);
    for (const end of this.#ends.get(listener) ?? []) end();
    this.#ends.delete(listener);
  }
}

/** @param {Wishes} one @param {Wishes} other */
function same(one, other) {
  return one.language === other.language && one.voice === other.voice && one.original === other.original;
}
